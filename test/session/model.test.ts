import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findActionClass } from '../../native-free-core/registry/classes.ts';
import type { BudgetInput } from '../../native-free-core/session/budget.ts';
import type { SessionTable, SessionHandle } from '../../native-free-core/session/table.ts';
import { opened, tableOf } from './subject.ts';

// A naive model: every call is remembered with its state, every figure is summed up from scratch.

const BUDGETS: readonly BudgetInput[] = [
  { name: 'calls', match: ['code.read', 'payment.*'], maxCalls: 6, onExceed: 'abort' },
  { name: 'usd', match: ['payment.*'], maxAmount: 100, currency: 'usd', onExceed: 'abort' },
  { name: 'eur', match: ['payment.refund'], maxAmount: 50, currency: 'eur', onExceed: 'deny' },
];
const CLASSES = ['code.read', 'payment.transfer', 'payment.refund', 'issue.read'] as const;
const KEYS = ['one', 'two'] as const;

type Key = (typeof KEYS)[number];

/** What a call would use. */
interface Wanted {
  readonly className: string;
  readonly amount: number | undefined;
  readonly currency: string;
}

interface ModelCall extends Wanted {
  readonly id: number;
  state: 'held' | 'committed' | 'rolledBack';
  allowed: boolean;
}

interface ModelSession {
  readonly calls: ModelCall[];
  denies: number;
  aborted: string | undefined;
}

type Model = Record<Key, ModelSession>;

interface Real {
  readonly table: SessionTable;
  readonly handles: Record<Key, SessionHandle>;
}

function matches(budget: BudgetInput, className: string): boolean {
  return budget.match.some((word) =>
    word.endsWith('*') ? className.startsWith(word.slice(0, -1)) : word === className,
  );
}

function useOf(budget: BudgetInput, call: Wanted): number {
  if (!matches(budget, call.className)) return 0;
  if (budget.maxCalls !== undefined) return 1;
  return budget.currency === call.currency ? (call.amount ?? 0) : 0;
}

function used(session: ModelSession, budget: BudgetInput, states: readonly ModelCall['state'][]): number {
  return session.calls
    .filter((call) => states.includes(call.state))
    .reduce((sum, call) => sum + useOf(budget, call), 0);
}

const limitOf = (budget: BudgetInput): number => budget.maxCalls ?? budget.maxAmount ?? 0;

/** What the model says to a call: whether it fits, and if not, whether it ends the session. */
function judge(session: ModelSession, call: Wanted): 'fits' | 'deny' | 'abort' {
  const amounts = BUDGETS.filter(
    (budget) => budget.maxAmount !== undefined && matches(budget, call.className),
  );
  let verdict: 'fits' | 'deny' = 'fits';
  if (amounts.length > 0 && call.amount === undefined) verdict = 'deny';
  if (amounts.length > 0 && !amounts.some((budget) => budget.currency === call.currency)) verdict = 'deny';
  for (const budget of BUDGETS) {
    const use = useOf(budget, call);
    if (!matches(budget, call.className)) continue;
    if (budget.maxAmount !== undefined && (call.amount === undefined || budget.currency !== call.currency)) {
      continue;
    }
    if (use > limitOf(budget) - used(session, budget, ['committed']) && budget.onExceed === 'abort') {
      return 'abort';
    }
    if (use > limitOf(budget) - used(session, budget, ['committed', 'held'])) verdict = 'deny';
  }
  return verdict;
}

/** Every session as the model has it; that other sessions stay as they were is part of it. */
function agree(model: Model, real: Real): void {
  let held = 0;
  for (const key of KEYS) {
    const session = model[key];
    const snapshot = real.table.snapshot(real.handles[key], 0);
    const allowed = session.calls.filter((call) => call.allowed);
    const undecided = session.calls.filter((call) => call.state === 'held' && !call.allowed);
    expect(snapshot.calls).toBe(allowed.length + undecided.length);
    expect(snapshot.denies).toBe(session.denies);
    expect(new Set(snapshot.classes)).toEqual(new Set(allowed.map((call) => call.className)));
    expect(real.table.abortReason(real.handles[key])).toBe(session.aborted);
    for (const budget of BUDGETS) {
      expect(used(session, budget, ['committed', 'held'])).toBeLessThanOrEqual(limitOf(budget));
    }
    held += session.calls.filter((call) => call.state === 'held').length;
  }
  expect(real.table.reservationCount).toBe(held);
}

interface Reserve extends Wanted {
  readonly kind: 'reserve';
  readonly key: Key;
}

/** What happens to the n-th call ever reserved in a session, settled before or not. */
interface Follow {
  readonly kind: 'allow' | 'commit' | 'rollBack' | 'deny';
  readonly key: Key;
  readonly nth: number;
}

interface Abort {
  readonly kind: 'abort';
  readonly key: Key;
  readonly reason: string;
}

function reserve(session: ModelSession, handle: SessionHandle, table: SessionTable, wanted: Reserve): void {
  const { className, amount, currency } = wanted;
  const classIndex = findActionClass(className)?.index ?? Number.NaN;
  const expected = judge(session, wanted);
  const answer = table.reserve(handle, {
    classIndex,
    otherClasses: [],
    amount,
    currency,
    host: 'a.test',
    idempotencyHeader: undefined,
    idempotency: undefined,
  });
  if ('reason' in answer) {
    expect(answer.abort ? 'abort' : 'deny').toBe(expected);
    return;
  }
  expect(expected).toBe('fits');
  const call: ModelCall = { id: answer.id, className, amount, currency, state: 'held', allowed: false };
  session.calls.push(call);
  for (const line of answer.lines) {
    const budget = BUDGETS.find(({ name }) => name === line.name);
    if (budget === undefined) throw new Error(line.name);
    expect(line.charged).toBe(useOf(budget, call));
    expect(line.remaining).toBe(limitOf(budget) - used(session, budget, ['committed', 'held']));
  }
}

function follow(session: ModelSession, handle: SessionHandle, table: SessionTable, step: Follow): void {
  const call = session.calls[step.nth % Math.max(1, session.calls.length)];
  if (call === undefined) return;
  const open = call.state === 'held';
  const undecided = open && !call.allowed;
  if (step.kind === 'allow' && undecided) {
    const classIndex = findActionClass(call.className)?.index ?? Number.NaN;
    table.countAllow(handle, classIndex, 'a.test', call.id);
    call.allowed = true;
  } else if (step.kind === 'deny' && undecided) {
    expect(table.rollBack(call.id)).toBe(true);
    table.countDeny(handle);
    call.state = 'rolledBack';
    session.denies += 1;
  } else if (step.kind === 'commit' && !undecided) {
    expect(table.commit(call.id)).toBe(open);
    if (open) expect(table.release(call.id)).toBe(true);
    if (open) call.state = 'committed';
  } else if (step.kind === 'rollBack') {
    expect(table.rollBack(call.id)).toBe(open);
    if (open) call.state = 'rolledBack';
  }
}

function take(model: Model, { table, handles }: Real, step: Reserve | Follow | Abort): void {
  const session = model[step.key];
  const handle = handles[step.key];
  if (step.kind === 'reserve') reserve(session, handle, table, step);
  else if (step.kind !== 'abort') follow(session, handle, table, step);
  else {
    table.abort(handle, step.reason);
    session.aborted ??= step.reason;
  }
}

const key = fc.constantFrom(...KEYS);
const aReserve: fc.Arbitrary<Reserve> = fc.record({
  kind: fc.constant('reserve'),
  key,
  className: fc.constantFrom(...CLASSES),
  amount: fc.option(fc.nat(60), { nil: undefined, freq: 8 }),
  currency: fc.constantFrom('usd', 'usd', 'eur', 'gbp'),
});
const aFollow: fc.Arbitrary<Follow> = fc.record({
  kind: fc.constantFrom('allow', 'commit', 'rollBack', 'deny'),
  key,
  nth: fc.nat(20),
});
const anAbort: fc.Arbitrary<Abort> = fc.record({
  kind: fc.constant('abort'),
  key,
  reason: fc.constantFrom('first', 'second'),
});
const aStep = fc.oneof(
  { weight: 5, arbitrary: aReserve },
  { weight: 5, arbitrary: aFollow },
  { weight: 1, arbitrary: anAbort },
);

describe('any sequence of calls', () => {
  it('keeps every session as a naive model has it, within its limits, and gives all reservations back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 60, size: 'max' }), async (steps) => {
        const table = await tableOf(BUDGETS);
        const handles = { one: await opened(table, 'one'), two: await opened(table, 'two') };
        const real: Real = { table, handles };
        const model: Model = {
          one: { calls: [], denies: 0, aborted: undefined },
          two: { calls: [], denies: 0, aborted: undefined },
        };
        for (const step of steps) {
          take(model, real, step);
          agree(model, real);
        }
        for (const name of KEYS) {
          for (const call of model[name].calls) {
            expect(table.rollBack(call.id)).toBe(call.state === 'held');
            expect(table.release(call.id)).toBe(false);
          }
        }
        expect(table.reservationCount).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});
