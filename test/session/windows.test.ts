import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { Clock, opened, pay, spend, Subject, tableOf } from './subject.ts';

const WINDOW_MS = 64_000;
const LATE_MS = WINDOW_MS / 32;
const LIMIT = 100;
const BUDGET = spend(LIMIT, { window: '64s' });

describe('a budget with a window', () => {
  it('gives again what is older than the window, and says when', async () => {
    const clock = new Clock();
    const subject = await Subject.of([BUDGET], [], { steadyMs: clock.read });
    subject.committed(pay(60));
    clock.ms += 10_000;
    subject.committed(pay(40));
    const full = subject.reserve(pay(50));
    expect(full).toMatchObject({ reason: 'BUDGET_EXCEEDED', remaining: 0, abort: false });
    const retryAfterS = 'reason' in full ? (full.retryAfterS ?? 0) : 0;
    expect(retryAfterS).toBeGreaterThanOrEqual(54);
    expect(retryAfterS).toBeLessThanOrEqual(56);
    clock.ms += retryAfterS * 1000;
    expect(subject.committed(pay(50)).lines).toEqual([{ name: 'spend', charged: 50, remaining: 10 }]);
    expect(subject.reserve(pay(LIMIT + 1))).toMatchObject({ retryAfterS: undefined });
  });

  it('waits for another call where only that one is in the way', async () => {
    const subject = await Subject.of([BUDGET]);
    subject.held(pay(100));
    expect(subject.reserve(pay(1))).toMatchObject({ remaining: 0, retryAfterS: 1, abort: false });
  });

  it('charges a call in the step it is committed in', async () => {
    const clock = new Clock();
    const subject = await Subject.of([BUDGET], [], { steadyMs: clock.read });
    const { id } = subject.held(pay(100));
    clock.ms += WINDOW_MS * 2;
    subject.table.commit(id);
    clock.ms += WINDOW_MS - 1;
    expect(subject.reserve(pay(1))).toMatchObject({ reason: 'BUDGET_EXCEEDED' });
  });

  it('of a token is counted beside the others', async () => {
    const clock = new Clock();
    const token = { name: 'cap', match: ['payment.*'], maxAmount: 10, currency: 'usd', window: '64s' };
    const subject = await Subject.of([], [token], { steadyMs: clock.read });
    subject.committed(pay(10));
    expect(subject.reserve(pay(1))).toMatchObject({ name: 'token/cap' });
    clock.ms += WINDOW_MS + LATE_MS;
    subject.committed(pay(10));
  });
});

interface Step {
  readonly moveMs: number;
  readonly amount: number;
  readonly restart: boolean;
}

const aStep: fc.Arbitrary<Step> = fc.record({
  moveMs: fc.oneof(
    { weight: 6, arbitrary: fc.nat(5000) },
    { weight: 2, arbitrary: fc.integer({ min: -3_600_000, max: 0 }) },
    { weight: 2, arbitrary: fc.nat(WINDOW_MS * 2) },
    { weight: 1, arbitrary: fc.constant(3_600_000) },
  ),
  amount: fc.integer({ min: 1, max: 70 }),
  restart: fc.boolean(),
});

describe('in any stretch of time as long as the window', () => {
  it('no more than the limit is given, and what is older is free a 32nd later, whatever the clock does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(aStep, { maxLength: 60, size: 'max' }),
        fc.boolean(),
        async (steps, stored) => {
          const clock = new Clock();
          const store = new MemoryStore();
          const start = (): ReturnType<typeof tableOf> =>
            tableOf([BUDGET], { steadyMs: clock.read, ...(stored ? { store } : {}) });
          let table = await start();
          let nowMs = clock.ms;
          const given: { readonly atMs: number; readonly amount: number }[] = [];
          for (const { moveMs, amount, restart } of steps) {
            clock.ms += moveMs;
            if (stored && restart && clock.ms >= nowMs) {
              await table.flush();
              table = await start();
            }
            nowMs = Math.max(nowMs, clock.ms);
            const handle = await opened(table, 'one');
            const answer = table.reserve(handle, pay(amount));
            const within = (lengthMs: number): number =>
              given.reduce((sum, one) => sum + (one.atMs > nowMs - lengthMs ? one.amount : 0), 0);
            const [exact, late] = [within(WINDOW_MS) + amount, within(WINDOW_MS + LATE_MS) + amount];
            const isGiven = !('reason' in answer);
            expect(isGiven ? exact <= LIMIT : late > LIMIT).toBe(true);
            if (!isGiven) continue;
            await table.durable(answer.id);
            table.commit(answer.id);
            table.release(answer.id);
            given.push({ atMs: nowMs, amount });
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
