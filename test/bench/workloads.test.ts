import { loadBundle, startCedar } from '@firma/core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  agentName,
  BODY_BYTES,
  cedarPolicies,
  cerbosBody,
  cerbosPolicy,
  decideBody,
} from '../../bench/workloads/api.ts';
import { cedarModule } from '../../src/cedar-module.ts';

interface CerbosRules {
  readonly resourcePolicy: { readonly rules: readonly { readonly name: string; readonly effect: string }[] };
}

describe('what the servers are asked', () => {
  beforeAll(() => startCedar(cedarModule()));

  it.each([10, 1000])('is decided by the same %i rules, in the words of each', (count) => {
    const bundle = loadBundle([{ file: 'bench.cedar', text: cedarPolicies(count) }], {
      params: {},
      budgets: [],
    });
    const { resourcePolicy }: CerbosRules = JSON.parse(cerbosPolicy(count));
    expect(bundle.policies).toHaveLength(count);
    expect(resourcePolicy.rules.map(({ name }) => name).toSorted()).toEqual(
      bundle.policies.map(({ id }) => id).toSorted(),
    );
  });

  it('has the same length for each of them', () => {
    expect(Buffer.byteLength(decideBody('t'.repeat(643)))).toBe(BODY_BYTES);
    expect(Buffer.byteLength(cerbosBody(agentName(999)))).toBe(BODY_BYTES);
  });

  it('is refused where a token leaves no room: another length would be compared', () => {
    expect(() => decideBody('t'.repeat(700))).toThrow('filled up');
  });
});
