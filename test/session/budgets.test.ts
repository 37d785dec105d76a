import { describe, expect, it } from 'vitest';
import { ACTION_CLASSES } from '../../native-free-core/registry/classes.ts';
import type { BudgetInput, BudgetRule } from '../../native-free-core/session/budget.ts';
import { compileBudgets, compileTokenBudgets } from '../../native-free-core/session/budgets.ts';

const CALLS: BudgetInput = { name: 'calls', match: ['code.read'], maxCalls: 3, onExceed: 'deny' };
const SPEND: BudgetInput = {
  name: 'spend',
  match: ['payment.*', 'code.read'],
  agent: 'agent-7',
  host: '*.stripe.com',
  per: 'agent',
  window: '24h',
  maxAmount: 500,
  currency: 'usd',
  onExceed: 'abort',
  idempotency: 'header:idempotency-key',
};

function matched(rule: BudgetRule | undefined): string[] {
  return ACTION_CLASSES.filter((info) => rule?.match[info.index] === 1).map((info) => info.name);
}

describe('budgets', () => {
  it('compile to what the hot path reads', () => {
    expect(compileBudgets([SPEND, CALLS])).toMatchObject([
      {
        name: 'spend',
        kind: 'amount',
        limit: 500,
        currency: 'usd',
        per: 'agent',
        windowMs: 86_400_000,
        agent: 'agent-7',
        host: { text: '.stripe.com', isSuffix: true },
        onExceed: 'abort',
        idempotencyHeader: 'idempotency-key',
      },
      {
        name: 'calls',
        kind: 'calls',
        limit: 3,
        currency: undefined,
        per: 'session',
        windowMs: undefined,
        agent: undefined,
        host: undefined,
        onExceed: 'deny',
        idempotencyHeader: undefined,
      },
    ]);
  });

  it('count the classes they name, and those of the categories', () => {
    const [spend, calls] = compileBudgets([SPEND, CALLS]);
    const payments = ACTION_CLASSES.filter((info) => info.category === 'payment').map((info) => info.name);
    expect(payments.length).toBeGreaterThan(1);
    expect(new Set(matched(spend))).toEqual(new Set([...payments, 'code.read']));
    expect(matched(calls)).toEqual(['code.read']);
  });

  it.each<[BudgetRule['kind'], Partial<BudgetInput>]>([
    ['calls', { maxCalls: 0 }],
    ['amount', { maxAmount: 0, currency: 'eur' }],
    ['bytes', { maxBytes: 0 }],
    ['in_flight', { maxInFlight: 0 }],
  ])('of %s may let nothing through', (kind, limit) => {
    const rules = compileBudgets([{ ...CALLS, maxCalls: undefined, ...limit }]);
    expect(rules).toMatchObject([{ kind, limit: 0 }]);
  });

  it('are frozen, with the list of them', () => {
    for (const rules of [compileBudgets([SPEND]), compileTokenBudgets([CALLS])]) {
      expect(Object.isFrozen(rules)).toBe(true);
      expect(rules.every((rule) => Object.isFrozen(rule))).toBe(true);
    }
    expect(Object.isFrozen(compileBudgets([SPEND])[0]?.host)).toBe(true);
  });

  it.each<[string, Partial<BudgetInput>]>([
    ['an unknown class', { match: ['code.read', 'code.reed'] }],
    ['a bare star', { match: ['*'] }],
    ['a negative limit', { maxCalls: -1 }],
    ['no limit', { maxCalls: undefined }],
    ['both limits', { maxAmount: 5, currency: 'usd' }],
    ['a window of zero', { window: '0s' }],
    ['a host that is none', { host: 'a..b' }],
    ['a key from a secret', { idempotency: 'header:cookie' }],
    ['no agent', { agent: '' }],
    ['an agent without end', { agent: 'a'.repeat(257) }],
    ['a name that a token could have', { name: 'token/calls' }],
  ])('with %s stop the start, and say in which file', (_, changes) => {
    expect(() => compileBudgets([{ ...CALLS, ...changes }], { file: 'firma.toml', line: 7 })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/^firma\.toml:7: .*budget `/),
      }),
    );
  });

  it('of one name, or more than 64, stop the start', () => {
    expect(() => compileBudgets([CALLS, SPEND, { ...CALLS, maxCalls: 9 }])).toThrow('two budgets');
    const many = Array.from({ length: 65 }, (_, index) => ({ ...CALLS, name: `c${index}` }));
    expect(() => compileBudgets(many)).toThrow('at most 64');
    expect(compileBudgets(many.slice(1))).toHaveLength(64);
  });
});

describe('budgets of a token', () => {
  it("are named apart, are the session's, and deny", () => {
    const rules = compileTokenBudgets([
      { name: 'calls', match: ['code.read'], maxCalls: 0, window: '7d', host: 'api.github.com' },
    ]);
    expect(rules).toMatchObject([
      {
        name: 'token/calls',
        kind: 'calls',
        limit: 0,
        per: 'session',
        windowMs: 604_800_000,
        host: { text: 'api.github.com', isSuffix: false },
        agent: undefined,
        onExceed: 'deny',
      },
    ]);
  });

  it('never take an agent, an account or an answer from what they came from', () => {
    expect(compileTokenBudgets([{ ...SPEND }])).toMatchObject([
      { per: 'session', agent: undefined, onExceed: 'deny' },
    ]);
  });
});
