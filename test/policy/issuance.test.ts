import { describe, expect, it } from 'vitest';
import {
  IssuancePolicies,
  type IssuanceQuery,
  type IssuanceRefusal,
} from '../../native-free-core/policy/issuance.ts';
import { ACTION_CLASSES, expandActionWord } from '../../native-free-core/registry/classes.ts';
import './query.ts';

function ask(text: string, changes: Partial<IssuanceQuery> = {}): readonly IssuanceRefusal[] {
  const policies = new IssuancePolicies([{ file: 'issuance.cedar', text }]);
  try {
    return policies.evaluate({
      agent: 'agent-7',
      groups: ['ops'],
      actions: expandActionWord('customer.*') ?? [],
      scope: ['api.stripe.com'],
      ttlS: 600,
      ...changes,
    });
  } finally {
    policies.close();
  }
}

const ALL = '@id("all") permit (principal, action, resource);';

function when(condition: string): string {
  return `@id("p") permit (principal, action in Firma::Action::"customer", resource) when { ${condition} };`;
}

describe('issuance', () => {
  it('gives what is permitted and refuses what no policy permits', () => {
    expect(ask(ALL, { actions: ACTION_CLASSES })).toEqual([]);
    expect(ask('').map(({ action, policies }) => [action, policies])).toEqual([
      ['customer.read', []],
      ['customer.write', []],
    ]);
  });

  it('refuses class by class, and names the forbids and what to do', () => {
    const text = `${ALL} @id("no") @reason("not this") @remedy("ask")
      forbid (principal, action == Firma::Action::"customer.write", resource);`;
    expect(ask(text)).toEqual([
      { action: 'customer.write', policies: ['no'], reason: 'not this', remedy: 'ask' },
    ]);
  });

  it('refuses text that Cedar does not take', () => {
    expect(ask(ALL, { groups: ['\ud800'] })).toHaveLength(2);
    expect(ask(ALL, { scope: ['\ud800'] })).toHaveLength(2);
  });

  it('sees agent, groups, category, lifetime and scope', () => {
    expect(
      ask(when('principal in Firma::AgentGroup::"ops" && principal == Firma::Agent::"agent-7"')),
    ).toEqual([]);
    expect(ask(when('principal in Firma::AgentGroup::"ops"'), { groups: [] })).toHaveLength(2);
    expect(ask(when('context.ttl_s <= 600'))).toEqual([]);
    expect(ask(when('context.ttl_s < 600'))).toHaveLength(2);
    expect(ask(when('context.scope == ["api.stripe.com"]'))).toEqual([]);
  });

  it.each([
    [['api.stripe.com'], false],
    [['*.stripe.com', 'api.github.com/repos/**'], false],
    [['api.stripe.com', '*'], true],
    [['*/**'], true],
    [['http://*:8080/v1'], true],
  ])('knows whether %j admits every host: %s', (scope, whole) => {
    const text = '@id("p") permit (principal, action, resource) unless { context.whole_scope };';
    expect(ask(text, { scope })).toHaveLength(whole ? 2 : 0);
  });

  it('refuses on any error, also where a permit holds', () => {
    const text = `${ALL} @id("odd") forbid (principal, action, resource) when { context.ttl_s * 9223372036854775807 > 0 };`;
    expect(ask(text)[0]).toMatchObject({ policies: ['odd'] });
    expect(ask(ALL, { ttlS: 0.5 })).toHaveLength(2);
    expect(ask(ALL, { agent: '\ud800' })).toHaveLength(2);
  });

  it('validates its policies as strictly as a bundle', () => {
    expect(() =>
      ask('@id("p") permit (principal, action, resource) when { context.params has amount };'),
    ).toThrow('issuance.cedar:1:54: for policy `p`');
    expect(() => ask('permit (principal, action, resource);')).toThrow('has no `@id');
  });
});
