import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionTable } from '../../native-free-core/session/table.ts';
import { MemoryStore, turn } from './memory-store.ts';
import { calls, Clock, granted, identity, opened, pay, READ, read, spend, tableOf } from './subject.ts';

const usedOf = (table: SessionTable, key: string): Record<string, number> => {
  const handle = table.find(identity(key).key);
  if (handle === undefined) throw new Error('the session is not in memory');
  return Object.fromEntries(table.show(handle).budgets.map(({ name, committed }) => [name, committed]));
};

describe('a restart', () => {
  it('after a clean stop loses nothing', async () => {
    const store = new MemoryStore();
    const budgets = [
      calls(1000),
      calls(1000, { name: 'all', per: 'sidecar' }),
      spend(9000, { per: 'agent' }),
    ];
    const before = await tableOf(budgets, { store });
    const handle = await opened(before, 'one', [{ name: 'cap', match: ['code.read'], maxCalls: 50 }]);
    for (const charge of [read, read, pay(70)]) {
      const { id } = granted(before.reserve(handle, charge));
      before.countAllow(handle, charge.classIndex, 'a.test', id);
      before.noteInjected(handle, 'github');
      await before.durable(id);
      before.commit(id);
      before.release(id);
    }
    before.countDeny(handle);
    before.noteBytes(handle, 11, 22);
    await before.abort(handle, 'POLICY_ABORT');
    const shown = before.show(handle);
    await before.flush();
    const after = await tableOf(budgets, { store });
    const again = await opened(after, 'one');
    expect(after.show(again)).toEqual({ ...shown, handle: expect.any(Number) });
    expect(after.abortReason(again)).toBe('POLICY_ABORT');
    expect(after.snapshot(again, 0)).toEqual(before.snapshot(handle, 0));
    expect(after.reserve(again, { ...read, classIndex: READ })).toMatchObject({
      lines: [{ name: 'calls', remaining: 997 }, { name: 'all', remaining: 997 }, { name: 'token/cap' }],
    });
  });

  it('after a crash counts what was left of a block as spent, and no more', async () => {
    const store = new MemoryStore();
    const before = await tableOf([calls(640)], { store });
    const handle = await opened(before, 'one');
    for (let made = 0; made < 137; made++) {
      const { id } = granted(before.reserve(handle, read));
      await before.durable(id);
      before.commit(id);
      before.release(id);
    }
    await turn();
    const after = await tableOf([calls(640)], { store: store.crashed(0) });
    await opened(after, 'one');
    expect(usedOf(after, 'one')['calls']).toBeGreaterThanOrEqual(137);
    expect(usedOf(after, 'one')['calls']).toBeLessThanOrEqual(147);
  });

  it('after a crash knows of all calls and denials but the last few', async () => {
    const store = new MemoryStore();
    const before = await tableOf([], { store });
    const handle = await opened(before, 'one');
    for (let made = 0; made < 500; made++) {
      before.countDeny(handle);
      if (made % 10 === 0) await turn();
    }
    await turn();
    const after = await tableOf([], { store: store.crashed(0) });
    const again = await opened(after, 'one');
    expect(after.snapshot(again, 0).denies).toBeGreaterThan(500 - 32);
  });

  it('after a crash keeps a session ended that bytes ended', async () => {
    const store = new MemoryStore();
    const bytes = { name: 'bytes', match: ['code.read'], maxBytes: 10, onExceed: 'abort' } as const;
    const before = await tableOf([bytes], { store });
    const handle = await opened(before, 'one');
    const { id } = granted(before.reserve(handle, read));
    await before.durable(id);
    expect(await before.takeBytes(id, 11)).toBe(false);
    expect(before.abortReason(handle)).toBe('BUDGET_EXCEEDED');
    await turn();
    const after = await tableOf([bytes], { store: store.crashed(0) });
    expect(after.abortReason(await opened(after, 'one'))).toBe('BUDGET_EXCEEDED');
  });

  it('after a start with a clock that was ahead keeps what was used, and frees it in time', async () => {
    const store = new MemoryStore();
    const budgets = [calls(3, { window: '1h' })];
    const clock = new Clock();
    const ahead = { ms: clock.ms + 365 * 24 * 3_600_000 };
    const before = await tableOf(budgets, { store, steadyMs: () => ahead.ms });
    const first = await opened(before, 'one');
    for (let made = 0; made < 2; made++) {
      const { id } = granted(before.reserve(first, read));
      before.commit(id);
      before.release(id);
    }
    await before.flush();
    const after = await tableOf(budgets, { store, steadyMs: clock.read });
    const again = await opened(after, 'one');
    expect(usedOf(after, 'one')['calls']).toBe(2);
    const { id } = granted(after.reserve(again, read));
    after.commit(id);
    after.release(id);
    const refused = after.reserve(again, read);
    const waitS = 'reason' in refused ? (refused.retryAfterS ?? 0) : 0;
    expect(waitS).toBeGreaterThan(0);
    expect(waitS).toBeLessThanOrEqual(3713);
    clock.ms += waitS * 1000;
    expect(after.reserve(again, read)).toHaveProperty('id');
  });

  it('finds rules by name, and starts anew what counts something else', async () => {
    const store = new MemoryStore();
    const before = await tableOf([calls(9), spend(900, { window: '1h' })], { store });
    const handle = await opened(before, 'one');
    for (const charge of [read, pay(30)]) {
      const { id } = granted(before.reserve(handle, charge));
      await before.durable(id);
      before.commit(id);
      before.release(id);
    }
    await before.flush();
    const changed = [
      spend(900, { window: '2h' }),
      calls(9, { name: 'renamed' }),
      spend(5, { name: 'calls' }),
    ];
    const after = await tableOf(changed, { store });
    await opened(after, 'one');
    expect(usedOf(after, 'one')).toEqual({ spend: 30, renamed: 0, calls: 0 });
  });

  it('refuses a record that it cannot read', async () => {
    const store = new MemoryStore();
    const before = await tableOf([calls(9)], { store });
    await opened(before, 'one');
    await before.flush();
    for (const [key, record] of store.records) store.records.set(key, record.slice(0, -1));
    await expect(tableOf([calls(9)], { store })).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  });
});

describe('a call', () => {
  it('waits for its block, and not for what is drawn already', async () => {
    const store = new MemoryStore();
    const table = await tableOf([calls(640)], { store });
    const handle = await opened(table, 'one');
    store.mode = 'wait';
    const first = granted(table.reserve(handle, read));
    const waiting = table.durable(first.id);
    expect(waiting).toBeDefined();
    await turn();
    store.settle(true);
    await waiting;
    expect(table.durable(first.id)).toBeUndefined();
    const second = granted(table.reserve(handle, read));
    expect(table.durable(second.id)).toBeUndefined();
  });

  it('waits until policies can be told of its host and class', async () => {
    const store = new MemoryStore();
    const table = await tableOf([], { store });
    const handle = await opened(table, 'one');
    const { id } = granted(table.reserve(handle, read));
    expect(table.durable(id)).toBeUndefined();
    table.countAllow(handle, READ, 'a.test', id);
    await table.durable(id);
    expect(table.durable(id)).toBeUndefined();
    table.noteInjected(handle, 'github');
    await table.durable(id);
    const after = await tableOf([], { store: store.crashed(0) });
    const { classes, hosts, injected } = after.snapshot(await opened(after, 'one'), 0);
    expect({ classes, hosts, injected }).toEqual({
      classes: ['code.read'],
      hosts: ['a.test'],
      injected: ['github'],
    });
  });

  it('does not leave where the store cannot be written, and does once it can again', async () => {
    const store = new MemoryStore();
    const failures: string[] = [];
    const table = await tableOf([calls(9)], { store, onStoreFailed: (detail) => failures.push(detail) });
    const handle = await opened(table, 'one');
    store.mode = 'fail';
    const first = granted(table.reserve(handle, read));
    await expect(table.durable(first.id)).rejects.toThrow('disk is full');
    expect(failures).toContain('the disk is full');
    table.rollBack(first.id);
    await expect(table.durable(first.id)).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
    store.mode = 'at once';
    const second = granted(table.reserve(handle, read));
    await table.durable(second.id);
    expect(table.commit(second.id)).toBe(true);
  });

  it('of an ended session is not let back in by a crash', async () => {
    const store = new MemoryStore();
    const table = await tableOf([], { store });
    await table.abort(await opened(table, 'one'), 'BUDGET_EXCEEDED');
    const after = await tableOf([], { store: store.crashed(0) });
    expect(after.abortReason(await opened(after, 'one'))).toBe('BUDGET_EXCEEDED');
  });
});

describe('idle sessions', () => {
  it('leave memory and come back as they were; their handles name nobody', async () => {
    const store = new MemoryStore();
    const table = await tableOf([calls(1e6), calls(1e6, { name: 'of-agent', per: 'agent' })], {
      store,
      maxSessions: 16,
      maxAgents: 16,
    });
    const first = await opened(table, 's0', [], 'a0');
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 100; index++) {
        const handle = await opened(table, `s${index}`, [], `a${index % 50}`);
        const { id, lines } = granted(table.reserve(handle, read));
        expect(lines[0]?.remaining).toBe(1e6 - round - 1);
        expect(lines[1]?.remaining).toBe(1e6 - 2 * round - (index < 50 ? 1 : 2));
        table.countAllow(handle, READ, `h${index}.test`, id);
        await table.durable(id);
        table.commit(id);
        table.release(id);
        expect(table.snapshot(handle, 0)).toMatchObject({ calls: round + 1, hosts: [`h${index}.test`] });
        expect(table.sessionCount).toBeLessThanOrEqual(16);
        expect(table.agentCount).toBeLessThanOrEqual(16);
      }
    }
    expect(table.isOpen(first)).toBe(false);
    expect(() => table.reserve(first, read)).toThrow(RangeError);
    expect(table.find(identity('s0', 'a0').key)).toBeUndefined();
  });

  it('stay while a call of theirs is open', async () => {
    const table = await tableOf([], { store: new MemoryStore(), maxSessions: 8 });
    const handle = await opened(table, 'busy');
    const { id } = granted(table.reserve(handle, read));
    for (let index = 0; index < 50; index++) await opened(table, `s${index}`);
    expect(table.isOpen(handle)).toBe(true);
    table.release(id);
    for (let index = 0; index < 50; index++) await opened(table, `t${index}`);
    expect(table.isOpen(handle)).toBe(false);
  });
});

type Step =
  | { readonly kind: 'call'; readonly sid: number; readonly amount: number; readonly keep: boolean }
  | { readonly kind: 'end'; readonly nth: number }
  | { readonly kind: 'settle'; readonly saved: boolean; readonly written: boolean }
  | { readonly kind: 'crash'; readonly written: number }
  | { readonly kind: 'flush' };

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      sid: fc.nat(2),
      amount: fc.integer({ min: 0, max: 40 }),
      keep: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), nth: fc.nat(9) }) },
  {
    weight: 6,
    arbitrary: fc
      .record({ saved: fc.integer({ min: 0, max: 3 }), written: fc.boolean() })
      .map(({ saved, written }) => ({ kind: 'settle' as const, saved: saved > 0, written })),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), written: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'flush' as const }) },
);

/** Sends a call once that is durable, and takes it back where it never is. */
async function send(table: SessionTable, id: number, leave: () => void): Promise<void> {
  try {
    await table.durable(id);
  } catch {
    table.rollBack(id);
    return;
  }
  leave();
}

describe('whatever waits, fails, is lost or crashes', () => {
  it('never commits more than a limit, and gives every reservation back', async () => {
    const budgets = [
      spend(100),
      spend(150, { name: 'of-agent', per: 'agent' }),
      spend(200, { name: 'of-all', per: 'sidecar', window: '7d' }),
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(aStep, { maxLength: 80, size: 'max' }), async (steps) => {
        let store = new MemoryStore();
        let table = await tableOf(budgets, { store });
        store.mode = 'wait';
        const spent = [0, 0, 0];
        let epoch = 0;
        let open: { readonly id: number; readonly table: SessionTable }[] = [];
        const check = (): void => {
          const all = spent.reduce((sum, amount) => sum + amount, 0);
          expect(Math.max(...spent)).toBeLessThanOrEqual(100);
          expect((spent[0] ?? 0) + (spent[2] ?? 0)).toBeLessThanOrEqual(150);
          expect(all).toBeLessThanOrEqual(200);
        };
        for (const step of steps) {
          if (step.kind === 'call') {
            const owner = table;
            const started = epoch;
            const handle = await opened(owner, `s${step.sid}`, [], `a${step.sid % 2}`);
            const answer = owner.reserve(handle, pay(step.amount));
            if ('reason' in answer) continue;
            open.push({ id: answer.id, table: owner });
            void send(owner, answer.id, () => {
              // A byte left: the charge stands, whatever happens to this process afterwards.
              if (!step.keep || started !== epoch || !owner.commit(answer.id)) return;
              spent[step.sid] = (spent[step.sid] ?? 0) + step.amount;
            });
          } else if (step.kind === 'end') {
            const [call] = open.splice(step.nth % Math.max(1, open.length), 1);
            if (call !== undefined) call.table.release(call.id);
          } else if (step.kind === 'settle') store.settle(step.saved, step.saved || step.written);
          else if (step.kind === 'flush') void table.flush().catch(() => {});
          else {
            epoch += 1;
            open = [];
            store = store.crashed(step.written);
            table = await tableOf(budgets, { store });
            store.mode = 'wait';
          }
          await turn();
          check();
        }
        store.mode = 'at once';
        while (store.pending.length > 0) {
          store.settle(true);
          await turn();
        }
        for (const call of open) table.release(call.id);
        await turn();
        await table.flush();
        check();
        expect(table.reservationCount).toBe(0);
        for (const sid of [0, 1, 2]) {
          const handle = await opened(table, `s${sid}`, [], `a${sid % 2}`);
          const { budgets: uses } = table.show(handle);
          expect(uses.every(({ held, committed, limit }) => held === 0 && committed <= limit)).toBe(true);
          expect(uses[0]?.committed).toBeGreaterThanOrEqual(spent[sid] ?? 0);
        }
      }),
      { numRuns: 60 },
    );
  });
});
