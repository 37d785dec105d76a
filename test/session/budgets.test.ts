import { describe, expect, it } from 'vitest';
import type { BudgetInput } from '../../native-free-core/session/budget.ts';
import { compileBudgets, compileTokenBudgets } from '../../native-free-core/session/budgets.ts';
import { ACTION_CLASSES } from '../../native-free-core/registry/classes.ts';

const CALLS: BudgetInput = { name: 'calls', match: ['code.read'], maxCalls: 3, onExceed: 'deny' };
const SPEND: BudgetInput = {
  name: 'spend',
  match: ['payment.*'],
  maxAmount: 500,
  currency: 'USD',
  onExceed: 'abort',
};

describe('budgets', () => {
  it('compile to class sets and lower-case currencies', () => {
    const [calls, spend] = compileBudgets([CALLS, SPEND]);
    expect(calls).toMatchObject({ name: 'calls', maxCalls: 3, maxAmount: undefined, onExceed: 'deny' });
    expect(spend).toMatchObject({ maxCalls: undefined, maxAmount: 500, currency: 'usd', onExceed: 'abort' });
    const matched = ACTION_CLASSES.filter((info) => spend?.match[info.index] === 1);
    expect(new Set(matched.map((info) => info.category))).toEqual(new Set(['payment']));
    expect(matched).toHaveLength(ACTION_CLASSES.filter((info) => info.category === 'payment').length);
  });

  it.each<[string, Partial<BudgetInput>]>([
    ['an unknown class', { match: ['code.read', 'code.reed'] }],
    ['an unknown category', { match: ['codes.*'] }],
    ['a bare star', { match: ['*'] }],
    ['an empty match', { match: [] }],
    ['a negative limit', { maxCalls: -1 }],
    ['a fractional limit', { maxCalls: 0.5 }],
    ['a limit beyond 2^53-1', { maxCalls: 2 ** 53 }],
    ['a limit that is no number', { maxCalls: Number.NaN }],
    ['no limit', { maxCalls: undefined }],
    ['both limits', { maxAmount: 5, currency: 'usd' }],
    ['an amount without a currency', { maxCalls: undefined, maxAmount: 5 }],
    ['a currency that is none', { maxCalls: undefined, maxAmount: 5, currency: 'dollars' }],
    ['a currency without an amount', { currency: 'usd' }],
    ['an upper-case name', { name: 'Calls' }],
    ['a name that starts with a digit', { name: '1calls' }],
    ['a name of 33 characters', { name: 'c'.repeat(33) }],
    ['a name that a token could have', { name: 'token/calls' }],
  ])('with %s stop the start, and say in which file', (_, changes) => {
    expect(() => compileBudgets([{ ...CALLS, ...changes }], { file: 'firma.toml', line: 7 })).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(/^firma\.toml:7: .*`/),
      }),
    );
  });

  it('of one name, or more than 64, stop the start', () => {
    expect(() => compileBudgets([CALLS, SPEND, { ...CALLS, maxCalls: 9 }])).toThrow('two budgets');
    const many = Array.from({ length: 65 }, (_, index) => ({ ...CALLS, name: `c${index}` }));
    expect(() => compileBudgets(many)).toThrow('at most 64');
  });

  it('of a token are named apart and deny', () => {
    const rules = compileTokenBudgets([{ name: 'calls', match: ['code.read'], maxCalls: 0 }]);
    expect(rules).toMatchObject([{ name: 'token/calls', maxCalls: 0, onExceed: 'deny' }]);
  });
});
