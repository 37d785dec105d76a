import { describe, expect, it } from 'vitest';
import type { BudgetLimit, Exceeded } from '../../native-free-core/session/budget.ts';
import { calls, identity, pay, read, spend, Subject } from './subject.ts';

const MAX = Number.MAX_SAFE_INTEGER;

const exceeded = (name: string, abort = false): Partial<Exceeded> => ({
  reason: 'BUDGET_EXCEEDED',
  name,
  abort,
});

describe('a budget of calls', () => {
  it('counts only its classes, and says what remains after each call', async () => {
    const subject = await Subject.of([calls(2)]);
    expect(subject.held(pay(5)).lines).toEqual([]);
    expect(subject.committed(read).lines).toEqual([{ name: 'calls', charged: 1, remaining: 1 }]);
    expect(subject.committed(read).lines).toEqual([{ name: 'calls', charged: 1, remaining: 0 }]);
    expect(subject.reserve(read)).toMatchObject(exceeded('calls'));
  });

  it('has room again after a roll back, not after a commit', async () => {
    const subject = await Subject.of([calls(1)]);
    const first = subject.held(read);
    expect(subject.reserve(read)).toMatchObject(exceeded('calls'));
    expect(subject.table.rollBack(first.id)).toBe(true);
    subject.committed(read);
    expect(subject.reserve(read)).toMatchObject(exceeded('calls'));
  });

  it('of zero lets nothing through', async () => {
    expect((await Subject.of([calls(0)])).reserve(read)).toMatchObject(exceeded('calls'));
  });
});

describe('a budget of an amount', () => {
  it('holds up to its limit exactly', async () => {
    const subject = await Subject.of([spend(500)]);
    expect(subject.committed(pay(499)).lines).toEqual([{ name: 'spend', charged: 499, remaining: 1 }]);
    expect(subject.reserve(pay(2))).toMatchObject(exceeded('spend'));
    expect(subject.committed(pay(1)).lines).toEqual([{ name: 'spend', charged: 1, remaining: 0 }]);
    expect(subject.held(pay(0)).lines).toEqual([{ name: 'spend', charged: 0, remaining: 0 }]);
  });

  it('refuses an amount it cannot read', async () => {
    const subject = await Subject.of([spend(MAX)]);
    for (const amount of [undefined, -1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
      expect(subject.reserve(pay(amount))).toMatchObject(exceeded('spend'));
    }
    const withoutCurrency = { ...pay(1), currency: undefined };
    expect(subject.reserve(withoutCurrency)).toMatchObject(exceeded('spend'));
  });

  it('stays exact up to 2^53-1', async () => {
    const subject = await Subject.of([spend(MAX)]);
    subject.committed(pay(MAX - 1));
    expect(subject.reserve(pay(MAX))).toMatchObject(exceeded('spend'));
    expect(subject.reserve(pay(2))).toMatchObject(exceeded('spend'));
    expect(subject.held(pay(1)).lines).toEqual([{ name: 'spend', charged: 1, remaining: 0 }]);
    expect(subject.reserve(pay(1))).toMatchObject(exceeded('spend'));
  });

  it('counts calls in its currency; one that no matching budget has is refused', async () => {
    const subject = await Subject.of([spend(500), spend(100, { name: 'spend-eur', currency: 'eur' })]);
    expect(subject.committed(pay(80, 'eur')).lines).toEqual([
      { name: 'spend-eur', charged: 80, remaining: 20 },
    ]);
    expect(subject.committed(pay(80, 'usd')).lines).toEqual([{ name: 'spend', charged: 80, remaining: 420 }]);
    expect(subject.reserve(pay(80, 'eur'))).toMatchObject(exceeded('spend-eur'));
    expect(subject.reserve(pay(1, 'gbp'))).toMatchObject(exceeded('spend'));
    expect(subject.held(read).lines).toEqual([]);
  });

  it('of the token covers currencies by itself: one of the sidecar does not open another for it', async () => {
    const subject = await Subject.of(
      [spend(500, { currency: 'eur' })],
      [{ name: 'cap', match: ['payment.transfer'], maxAmount: 100, currency: 'usd' }],
    );
    expect(subject.reserve(pay(1, 'eur'))).toMatchObject(exceeded('token/cap'));
    expect(subject.reserve(pay(1, 'usd'))).toMatchObject(exceeded('spend'));
  });
});

describe('several budgets', () => {
  it('are all charged or none', async () => {
    const subject = await Subject.of([calls(9, { match: ['payment.*'] }), spend(100)]);
    expect(subject.reserve(pay(101))).toMatchObject(exceeded('spend'));
    expect(subject.reserve(pay())).toMatchObject(exceeded('spend'));
    expect(subject.table.reservationCount).toBe(0);
    expect(subject.held(pay(100)).lines).toEqual([
      { name: 'calls', charged: 1, remaining: 8 },
      { name: 'spend', charged: 100, remaining: 0 },
    ]);
  });

  it('answer with the one that ends the session where one does', async () => {
    const subject = await Subject.of([calls(0), calls(0, { name: 'fatal', onExceed: 'abort' })]);
    expect(subject.reserve(read)).toMatchObject(exceeded('fatal', true));
  });
});

describe('a budget that ends the session', () => {
  it('does so only where committed use alone leaves no room', async () => {
    const subject = await Subject.of([calls(2, { onExceed: 'abort' })]);
    subject.committed(read);
    const second = subject.held(read);
    expect(subject.reserve(read)).toMatchObject(exceeded('calls', false));
    subject.table.commit(second.id);
    expect(subject.reserve(read)).toMatchObject(exceeded('calls', true));
  });

  it('does so for an amount that never fitted, not for one it cannot read or another currency', async () => {
    const subject = await Subject.of([spend(100, { onExceed: 'abort' })]);
    expect(subject.reserve(pay())).toMatchObject(exceeded('spend', false));
    expect(subject.reserve(pay(1, 'eur'))).toMatchObject(exceeded('spend', false));
    expect(subject.reserve(pay(101))).toMatchObject(exceeded('spend', true));
  });
});

const cap = (maxCalls: number, match = ['code.read']): BudgetLimit => ({ name: 'cap', match, maxCalls });
const inCurrency = (currency: string): BudgetLimit => ({
  ...cap(0),
  maxCalls: undefined,
  maxAmount: 1,
  currency,
  match: ['payment.*'],
});

describe('budgets of tokens', () => {
  it('hold beside those of the sidecar', async () => {
    const subject = await Subject.of([calls(9)], [cap(1)]);
    expect(subject.committed(read).lines).toEqual([
      { name: 'calls', charged: 1, remaining: 8 },
      { name: 'token/cap', charged: 1, remaining: 0 },
    ]);
    expect(subject.reserve(read)).toMatchObject(exceeded('token/cap'));
  });

  it('are tightened by a later token, never widened, and keep what was used', async () => {
    const subject = await Subject.of([], [cap(5)]);
    subject.committed(read);
    subject.committed(read);
    expect(subject.token(cap(100))).toBe(subject.handle);
    expect(subject.token(cap(3))).toBe(subject.handle);
    expect(subject.token()).toBe(subject.handle);
    expect(subject.committed(read).lines).toEqual([{ name: 'token/cap', charged: 1, remaining: 0 }]);
    expect(subject.reserve(read)).toMatchObject(exceeded('token/cap'));
    subject.token(cap(1));
    expect(subject.reserve(read)).toMatchObject(exceeded('token/cap'));
  });

  it('of one name match what any of them matches', async () => {
    const subject = await Subject.of([], [cap(5)]);
    subject.token(cap(1, ['payment.transfer']));
    subject.committed(pay(1));
    expect(subject.reserve(read)).toMatchObject(exceeded('token/cap'));
  });

  it('of one name and another currency hold side by side', async () => {
    const subject = await Subject.of([], [inCurrency('usd')]);
    subject.token(inCurrency('eur'));
    for (const currency of ['usd', 'eur']) {
      subject.committed(pay(1, currency));
      expect(subject.reserve(pay(1, currency))).toMatchObject(exceeded('token/cap'));
    }
  });

  it('tightened while a call is under way settle what it had reserved', async () => {
    const subject = await Subject.of([], [cap(5)]);
    const before = subject.held(pay(1));
    const counted = subject.held(read);
    subject.token(cap(2, ['payment.transfer']));
    subject.table.rollBack(before.id);
    subject.table.rollBack(counted.id);
    expect(subject.held(read).lines).toEqual([{ name: 'token/cap', charged: 1, remaining: 1 }]);
  });

  it('are at most 64 a session: a token that brings more opens nothing and changes nothing', async () => {
    const subject = await Subject.of([], [cap(5)]);
    const batch = (from: number, count: number): BudgetLimit[] =>
      Array.from({ length: count }, (_, index) => ({
        ...cap(1),
        name: `n${from + index}`,
        match: ['issue.read'],
      }));
    expect(subject.token(...batch(0, 63))).toBe(subject.handle);
    expect(subject.token(cap(0), ...batch(63, 1))).toBeUndefined();
    expect(subject.held(read).lines).toEqual([{ name: 'token/cap', charged: 1, remaining: 4 }]);
    expect(subject.table.open(identity('two'), 0, batch(0, 65))).toBeUndefined();
    expect(subject.table.sessionCount).toBe(1);
  });
});
