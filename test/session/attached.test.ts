import { describe, expect, it } from 'vitest';
import type { SessionHandle, SessionTable } from '../../native-free-core/session/table.ts';
import { asked, attached } from './attached.ts';
import { MemoryStore, turn } from './memory-store.ts';
import { calls, granted, identity, opened, pay, READ, read, spend, tableOf } from './subject.ts';

const NONE: readonly [] = [];

describe('a table of another thread', () => {
  it('sees what the home does, and the home what it does', async () => {
    const home = await tableOf([
      calls(5),
      spend(100, { per: 'agent' }),
      calls(9, { name: 'all', per: 'sidecar' }),
    ]);
    const other = attached(home, 1);
    const handle = await opened(other, 'one');
    expect(home.find(identity('one').key)).toBe(handle);
    expect(other.find(identity('one').key)).toBe(handle);
    expect(other.find(identity('none').key)).toBeUndefined();
    const before = home.revision(handle);
    const mine = granted(other.reserve(handle, read));
    expect(home.snapshot(handle, 0).calls).toBe(1);
    expect(home.revision(handle)).not.toBe(before);
    other.countAllow(handle, READ, 'a.test', mine.id);
    other.noteInjected(handle, 'github');
    other.commit(mine.id);
    expect(granted(home.reserve(handle, read)).lines.map(({ remaining }) => remaining)).toEqual([3, 7]);
    expect(home.snapshot(handle, 0)).toMatchObject({
      calls: 2,
      classes: ['code.read'],
      hosts: ['a.test'],
      injected: ['github'],
    });
    home.abort(handle, 'OPERATOR');
    expect(other.abortReason(handle)).toBe('OPERATOR');
    other.countDeny(handle);
    expect(home.show(handle)).toMatchObject({ sub: 'agent', sid: 'one', denies: 1, abortReason: 'OPERATOR' });
  });

  it('asks once for a session that it opens again and again', async () => {
    const home = await tableOf([calls(5)]);
    const other = attached(home, 1);
    const one = identity('one');
    const before = asked.count;
    const handles = await Promise.all([other.open(one, 0, NONE), other.open(one, 0, NONE)]);
    expect(other.open(one, 0, NONE)).toBe(handles[0]);
    expect(handles[1]).toBe(handles[0]);
    expect(asked.count).toBe(before + 1);
  });

  it('does nothing that is the home’s', async () => {
    const home = await tableOf([]);
    const other = attached(home, 1);
    const handle = await opened(other, 'one');
    for (const operation of [
      () => other.share(),
      () => other.list(1),
      () => other.show(handle),
      () => other.flush(),
      () => other.threadEnded(2),
      () => attached(home, 0),
      () => attached(home, 64),
      () => home.threadEnded(0),
    ]) {
      expect(operation).toThrow(RangeError);
    }
  });

  it('is told in a sentence why a session cannot be opened', async () => {
    const store = new MemoryStore();
    const home = await tableOf([calls(5)], { store });
    const other = attached(home, 1);
    store.load = () => Promise.reject(new Error('the disk is gone'));
    await expect(other.open(identity('one'), 0, NONE)).rejects.toMatchObject({
      code: 'STATE_UNUSABLE',
      message: 'the disk is gone',
    });
  });

  it('names nobody by a handle of a session that left memory', async () => {
    const home = await tableOf([calls(5)], { store: new MemoryStore(), maxSessions: 2 });
    const other = attached(home, 1);
    const one = await opened(other, 'one');
    for (let index = 0; index < 8; index++) await opened(home, `more-${index}`);
    expect(other.isOpen(one)).toBe(false);
    expect(other.enter(one)).toBe(false);
    expect(() => other.reserve(one, read)).toThrow(RangeError);
    expect(() => other.snapshot(one, 0)).toThrow(RangeError);
    other.countDeny(one);
    const again = await opened(other, 'one');
    expect(again).not.toBe(one);
    expect(other.enter(again)).toBe(true);
    other.leave(again);
  });

  it('never counts by the rules of a token that another one tightened', async () => {
    const budget = (maxCalls: number) => [{ name: 'own', match: ['code.read'], maxCalls }];
    const bytes = (maxBytes: number) => ({ name: 'body', match: ['code.read'], maxBytes });
    const home = await tableOf([]);
    const other = attached(home, 1);
    const handle = await opened(other, 'one', [...budget(9), bytes(100)]);
    const call = granted(other.reserve(handle, read));
    expect(call.lines).toMatchObject([{ name: 'token/own', remaining: 8 }, { name: 'token/body' }]);
    await opened(home, 'one', [...budget(2), bytes(10)]);
    expect(other.enter(handle)).toBe(false);
    expect(() => other.reserve(handle, read)).toThrow(RangeError);
    expect(other.takeBytes(call.id, 11)).toBe(false);
    expect(other.takeBytes(call.id, 10)).toBe(true);
    const again = await opened(other, 'one', [...budget(9), bytes(100)]);
    expect(again).toBe(handle);
    expect(other.enter(handle)).toBe(true);
    expect(other.reserve(handle, read)).toMatchObject({ name: 'token/body', remaining: 0 });
    other.leave(handle);
    // The same rules in another thread's words change nothing.
    const third = attached(home, 2);
    await opened(third, 'one', [...budget(9), bytes(100)]);
    expect(other.enter(handle)).toBe(true);
    other.leave(handle);
  });

  it('makes a repeated call free whichever thread was charged for it', async () => {
    const home = await tableOf([spend(50, { idempotency: 'header:idempotency-key' })]);
    const other = attached(home, 1);
    const handle = await opened(other, 'one');
    const keyed = { ...pay(40), idempotencyHeader: 'idempotency-key', idempotency: 'the same' };
    const first = granted(other.reserve(handle, keyed));
    other.commit(first.id);
    expect(granted(home.reserve(handle, keyed)).lines).toMatchObject([{ charged: 0, remaining: 10 }]);
    expect(home.reserve(handle, { ...keyed, idempotency: 'another' })).toMatchObject({ name: 'spend' });
  });

  it('lets no call leave before the home’s store knows of it', async () => {
    const store = new MemoryStore();
    const home = await tableOf(
      [calls(640), { name: 'bytes', match: ['code.read'], maxBytes: 6400, onExceed: 'deny' }],
      {
        store,
      },
    );
    const other = attached(home, 1);
    const handle = await opened(other, 'one');
    store.mode = 'wait';
    const { id } = granted(other.reserve(handle, read));
    const waits = other.durable(id);
    expect(waits).toBeInstanceOf(Promise);
    while (store.pending.length === 0) await turn();
    store.settle(true);
    await waits;
    other.commit(id);
    const passes = other.takeBytes(id, 5000);
    expect(passes).toBeInstanceOf(Promise);
    other.release(id);
    while (store.pending.length === 0) await turn();
    store.mode = 'at once';
    store.settle(true);
    expect(await passes).toBe(true);
    expect(home.show(handle).budgets).toMatchObject([
      { committed: 1, held: 0 },
      { committed: 5000, held: 0 },
    ]);
    store.mode = 'fail';
    const failing = granted(other.reserve(handle, { ...read, otherClasses: [] }));
    other.abort(handle, 'OPERATOR')?.catch(() => {});
    await expect(other.durable(failing.id)).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  });
});

describe('a thread that is gone', () => {
  const BUDGETS = [
    calls(50),
    calls(50, { name: 'hourly', window: '1h' }),
    calls(50, { name: 'of-agent', per: 'agent' }),
    calls(50, { name: 'of-all', per: 'sidecar' }),
    { name: 'open', match: ['code.read'], maxInFlight: 50, onExceed: 'deny' as const },
  ];

  const used = (table: SessionTable, handle: SessionHandle): Record<string, readonly [number, number]> =>
    Object.fromEntries(
      table.show(handle).budgets.map(({ committed, held, name }) => [name, [committed, held]]),
    );

  it('gives back what it held, keeps what it committed, and its number is free again', async () => {
    const home = await tableOf(BUDGETS);
    const other = attached(home, 5);
    const handle = await opened(other, 'one');
    const stays = granted(home.reserve(handle, read));
    other.commit(granted(other.reserve(handle, read)).id);
    granted(other.reserve(handle, read));
    expect(other.enter(handle)).toBe(true);
    granted(other.reserve(handle, read));
    home.threadEnded(5);
    expect(home.show(handle)).toMatchObject({ openCalls: 1 });
    expect(used(home, handle)).toEqual({
      calls: [1, 1],
      hourly: [1, 1],
      'of-agent': [1, 1],
      'of-all': [1, 1],
      open: [0, 1],
    });
    expect(home.snapshot(handle, 0).calls).toBe(1);
    home.release(stays.id);
    const next = attached(home, 5);
    await opened(next, 'one');
    expect(next.enter(handle)).toBe(true);
    next.commit(granted(next.reserve(handle, read)).id);
    next.leave(handle);
    home.threadEnded(5);
    home.threadEnded(5);
    expect(used(home, handle)).toEqual({
      calls: [2, 0],
      hourly: [2, 0],
      'of-agent': [2, 0],
      'of-all': [2, 0],
      open: [0, 0],
    });
  });

  it('is charged for what it handed to somebody else who has not said yet whether it left', async () => {
    const home = await tableOf(BUDGETS);
    const other = attached(home, 5);
    const handle = await opened(other, 'one');
    other.leaving(granted(other.reserve(handle, read)).id);
    const back = granted(other.reserve(handle, read));
    other.leaving(back.id);
    expect(other.rollBack(back.id)).toBe(true);
    home.threadEnded(5);
    expect(used(home, handle)).toMatchObject({
      calls: [1, 0],
      hourly: [1, 0],
      'of-all': [1, 0],
      open: [0, 0],
    });
  });

  it('never keeps the home waiting: what it has to charge is charged once the home knows', async () => {
    const home = await tableOf(BUDGETS);
    const other = attached(home, 1);
    const handle = await opened(other, 'one');
    const { id } = granted(home.reserve(handle, read));
    expect(other.enter(handle)).toBe(true);
    expect(home.enter(handle)).toBe(false);
    expect(home.commit(id)).toBe(true);
    expect(home.release(id)).toBe(true);
    home.countDeny(handle);
    const ends = home.abort(handle, 'OPERATOR');
    home.threadEnded(1);
    await ends;
    expect(home.show(handle)).toMatchObject({ openCalls: 0, denies: 1, abortReason: 'OPERATOR' });
    expect(home.show(handle).budgets[0]).toMatchObject({ committed: 1, held: 0 });
    expect(home.reservationCount).toBe(0);
  });

  it('does not begin with one session while it decides about another', async () => {
    const home = await tableOf([]);
    const [one, two] = [await opened(home, 'one'), await opened(home, 'two')];
    expect(home.enter(one)).toBe(true);
    expect(home.enter(one)).toBe(true);
    expect(() => home.reserve(two, read)).toThrow(RangeError);
    home.leave(one);
    granted(home.reserve(one, read));
    home.leave(one);
    granted(home.reserve(two, read));
  });
});
