import { describe, expect, it } from 'vitest';
import { loadBundle, startCedar } from '@firma/core';
import { cedarModule } from '../../src/cedar-module.ts';
import { lowerInThread } from '../../src/pool/lower.ts';

const INPUTS = { params: { recipient: 'string' }, budgets: ['spend'] } as const;
const GOOD = `@id("pay") permit (principal, action == Firma::Action::"payment.transfer", resource)
  when { context.params has recipient && context.budget has spend && context.budget.spend > 3 };
@id("odd") forbid (principal, action, resource) when { context.session.calls * 9223372036854775807 < 0 };`;

describe('a thread that lowers policies', () => {
  it('makes the bundle that this thread would make', async () => {
    startCedar(cedarModule());
    const sources = [{ file: 'a.cedar', text: GOOD }];
    expect(await lowerInThread(sources, INPUTS)).toEqual(loadBundle(sources, INPUTS));
  });

  it.each([
    ['does not parse', '\n  permit (principal, action, resource', 2],
    ['does not validate', '@id("a")\npermit (principal, action, resource) when { context.nothing == 1 };', 2],
    ['has the id of another', `${GOOD}\n@id("pay") permit (principal, action, resource);`, 4],
  ])('says where a policy stands that %s', async (_what, text, line) => {
    const failing = lowerInThread([{ file: 'a.cedar', text }], INPUTS);
    await expect(failing).rejects.toMatchObject({
      code: 'POLICY_INVALID',
      at: { file: 'a.cedar', line },
      message: expect.stringMatching(new RegExp(`^a\\.cedar:${line}:?\\d*: (?!a\\.cedar)`)),
    });
  });
});
