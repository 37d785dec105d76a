import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetInput } from '../../native-free-core/session/budget.ts';
import { MemoryStore } from './memory-store.ts';
import { calls, Clock, granted, opened, pay, read, spend, Subject, tableOf } from './subject.ts';

const bytes = (maxBytes: number, changes: Partial<BudgetInput> = {}): BudgetInput => ({
  name: 'bytes',
  match: ['code.read'],
  maxBytes,
  onExceed: 'deny',
  ...changes,
});
const inFlight = (maxInFlight: number): BudgetInput => ({
  name: 'open',
  match: ['code.read'],
  maxInFlight,
  onExceed: 'deny',
});

describe('a budget of bytes', () => {
  it('is charged as they pass, and cuts a call at zero', async () => {
    const subject = await Subject.of([bytes(100)]);
    const { table } = subject;
    const first = subject.held(read);
    expect(first.lines).toEqual([{ name: 'bytes', charged: 0, remaining: 100 }]);
    expect(table.takeBytes(first.id, 60)).toBe(true);
    const second = subject.held(read);
    expect(table.takeBytes(second.id, 41)).toBe(false);
    expect(table.takeBytes(second.id, 40)).toBe(true);
    expect(table.takeBytes(first.id, 1)).toBe(false);
    expect(table.takeBytes(first.id, 0)).toBe(true);
    expect(subject.reserve(read)).toMatchObject({ name: 'bytes', remaining: 0, retryAfterS: undefined });
    table.rollBack(first.id);
    expect(subject.reserve(read)).toMatchObject({ name: 'bytes' });
  });

  it('is cut at the limit of a token that came while it passed', async () => {
    const subject = await Subject.of([], [{ name: 'b', match: ['code.read'], maxBytes: 1_000_000 }]);
    const { id } = subject.held(read);
    expect(subject.table.takeBytes(id, 900)).toBe(true);
    subject.token({ name: 'b', match: ['code.read'], maxBytes: 1000 });
    expect(subject.table.takeBytes(id, 101)).toBe(false);
    expect(subject.table.takeBytes(id, 100)).toBe(true);
  });

  it('takes nothing that is no count, and nothing for a call that is over', async () => {
    const subject = await Subject.of([bytes(100)]);
    const { id } = subject.held(read);
    for (const count of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
      expect(subject.table.takeBytes(id, count)).toBe(false);
    }
    subject.table.release(id);
    expect(subject.table.takeBytes(id, 1)).toBe(false);
    const free = subject.held(pay(1));
    expect(subject.table.takeBytes(free.id, 1e9)).toBe(true);
  });

  it('waits for the store where a block is not enough, and charges nothing where that fails', async () => {
    const store = new MemoryStore();
    const subject = await Subject.of([bytes(6400)], [], { store });
    const { id } = subject.held(read);
    await subject.table.durable(id);
    expect(await subject.table.takeBytes(id, 1000)).toBe(true);
    store.mode = 'fail';
    expect(await subject.table.takeBytes(id, 5000)).toBe(false);
    store.mode = 'wait';
    const waiting = subject.table.takeBytes(id, 5400);
    // The call may be over before the store answers.
    subject.table.commit(id);
    subject.table.release(id);
    await Promise.resolve();
    while (store.pending.length > 0) store.settle(true);
    expect(await waiting).toBe(true);
    const [use] = subject.table.show(subject.handle).budgets;
    expect(use).toMatchObject({ committed: 6400, held: 0 });
  });
});

describe('a budget of open calls', () => {
  it('counts a call from its reservation to its end', async () => {
    const subject = await Subject.of([inFlight(2)]);
    const first = subject.held(read);
    subject.table.commit(first.id);
    expect(subject.held(read).lines).toEqual([{ name: 'open', charged: 1, remaining: 0 }]);
    expect(subject.reserve(read)).toMatchObject({ name: 'open', abort: false, retryAfterS: 1 });
    expect(subject.table.rollBack(first.id)).toBe(false);
    expect(subject.reserve(read)).toMatchObject({ name: 'open' });
    expect(subject.table.release(first.id)).toBe(true);
    expect(subject.table.release(first.id)).toBe(false);
    subject.held(read);
  });
});

describe('a call under an idempotency key', () => {
  const keyed = {
    ...pay(30),
    idempotencyHeader: 'idempotency-key',
    idempotency: 'digest-of-key-and-request',
  };

  it('is charged once, and the same again is free', async () => {
    const subject = await Subject.of([
      spend(50, { idempotency: 'header:idempotency-key' }),
      calls(9, { match: ['payment.*'] }),
    ]);
    subject.committed(keyed);
    expect(subject.committed(keyed).lines).toEqual([
      { name: 'spend', charged: 0, remaining: 20 },
      { name: 'calls', charged: 1, remaining: 7 },
    ]);
    expect(subject.reserve({ ...keyed, idempotencyHeader: 'x-key' })).toMatchObject({ name: 'spend' });
    expect(subject.reserve({ ...keyed, idempotency: 'another' })).toMatchObject({ name: 'spend' });
  });

  it('is held twice while both are under way, and charged once', async () => {
    const subject = await Subject.of([spend(70, { idempotency: 'header:idempotency-key' })]);
    const first = subject.held(keyed);
    const second = subject.held(keyed);
    expect(subject.reserve(keyed)).toMatchObject({ name: 'spend', remaining: 10 });
    subject.table.commit(first.id);
    subject.table.commit(second.id);
    expect(subject.held(pay(40)).lines).toEqual([{ name: 'spend', charged: 40, remaining: 0 }]);
  });

  it('is charged again once the first charge has left the window, or a day has passed', async () => {
    const clock = new Clock();
    const idempotency = 'header:idempotency-key';
    const budgets = [
      spend(1000, { name: 'hour', window: '1h', idempotency }),
      spend(1000, { name: 'life', idempotency }),
    ];
    const subject = await Subject.of(budgets, [], { steadyMs: clock.read });
    const charges = (): readonly number[] => subject.committed(keyed).lines.map(({ charged }) => charged);
    expect(charges()).toEqual([30, 30]);
    clock.ms += 1_800_000;
    expect(charges()).toEqual([0, 0]);
    clock.ms += 2_000_000;
    expect(charges()).toEqual([30, 0]);
    clock.ms += 24 * 3_600_000;
    expect(charges()).toEqual([30, 30]);
  });

  it('is charged again where it was rolled back, or too many came since', async () => {
    const subject = await Subject.of([spend(1e6, { idempotency: 'header:idempotency-key' })]);
    subject.table.rollBack(subject.held(keyed).id);
    expect(subject.committed(keyed).lines[0]?.charged).toBe(30);
    for (let index = 0; index < 64; index++) subject.committed({ ...keyed, idempotency: `${index}` });
    expect(subject.committed(keyed).lines[0]?.charged).toBe(30);
  });
});

describe('a budget', () => {
  it('per agent or sidecar is shared by its sessions, and by no others', async () => {
    const table = await tableOf([
      calls(9, { name: 'own' }),
      calls(3, { name: 'of-agent', per: 'agent' }),
      calls(5, { name: 'of-all', per: 'sidecar', onExceed: 'abort' }),
    ]);
    const [one, two] = [await opened(table, 'one'), await opened(table, 'two')];
    const other = await opened(table, 'three', [], 'another');
    const call = (handle: typeof one): void => {
      const { id } = granted(table.reserve(handle, read));
      table.commit(id);
      table.release(id);
    };
    call(one);
    call(two);
    call(one);
    expect(table.reserve(two, read)).toMatchObject({ name: 'of-agent', abort: false });
    call(other);
    call(other);
    expect(table.reserve(other, read)).toMatchObject({ name: 'of-all', abort: true });
    expect(table.agentCount).toBe(2);
  });

  it('for an agent or a host counts no other', async () => {
    const table = await tableOf([
      calls(0, { name: 'agents', agent: 'blocked' }),
      calls(0, { name: 'hosts', host: '*.blocked.test' }),
    ]);
    const one = await opened(table, 'one');
    const blocked = await opened(table, 'two', [], 'blocked');
    expect(table.reserve(blocked, read)).toMatchObject({ name: 'agents' });
    expect(table.reserve(one, { ...read, host: 'a.blocked.test' })).toMatchObject({ name: 'hosts' });
    expect(granted(table.reserve(one, { ...read, host: 'blocked.test' })).lines).toEqual([]);
  });
});

describe('sessions that share no budget', () => {
  it('do not change each other\u2019s answers, in whatever order they call', async () => {
    const aCall = fc.record({ sid: fc.nat(2), amount: fc.nat(40), commits: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(aCall, { maxLength: 40 }), async (made) => {
        const answers = async (only: number | undefined): Promise<unknown[][]> => {
          const table = await tableOf([spend(100), calls(5, { match: ['payment.*'] })]);
          const told: unknown[][] = [[], [], []];
          for (const { sid, amount, commits } of made) {
            if (only !== undefined && sid !== only) continue;
            const answer = table.reserve(await opened(table, `s${sid}`), pay(amount));
            told[sid]?.push('reason' in answer ? answer : answer.lines);
            if (!('reason' in answer) && commits) table.commit(answer.id);
          }
          return told;
        };
        const together = await answers(undefined);
        for (const sid of [0, 1, 2]) expect((await answers(sid))[sid]).toEqual(together[sid]);
      }),
      { numRuns: 50 },
    );
  });
});
