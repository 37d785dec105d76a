import { describe, expect, it, vi } from 'vitest';
import type { BudgetLimit } from '../../native-free-core/session/budget.ts';
import { calls, granted, identity, indexOf, opened, READ, read, Subject, tableOf } from './subject.ts';

const MAX = Number.MAX_SAFE_INTEGER;

describe('a reservation', () => {
  it('is settled once; what comes later is ignored', async () => {
    const subject = await Subject.of([calls(5)]);
    const first = subject.held(read);
    expect(subject.table.commit(first.id)).toBe(true);
    expect(subject.table.commit(first.id)).toBe(false);
    expect(subject.table.rollBack(first.id)).toBe(false);
    const second = subject.held(read);
    expect(subject.table.rollBack(second.id)).toBe(true);
    expect(subject.table.commit(second.id)).toBe(false);
    expect(subject.held(read).lines).toEqual([{ name: 'calls', charged: 1, remaining: 3 }]);
  });

  it('has an id that never settles another call', async () => {
    const subject = await Subject.of([calls(500)]);
    const ids = new Set<number>();
    for (let round = 0; round < 100; round++) {
      const { id } = subject.held(read);
      for (const stale of ids) expect(subject.table.rollBack(stale)).toBe(false);
      ids.add(id);
      subject.table.rollBack(id);
    }
    expect(ids.size).toBe(100);
    for (const unknown of [-1, 0.5, Number.NaN, Infinity, MAX, 65_535]) {
      expect(subject.table.commit(unknown)).toBe(false);
    }
  });

  it('is one of at most so many, in all and a session', async () => {
    const table = await tableOf([], { maxReservations: 3, maxReservationsPerSession: 2 });
    const [one, two] = [await opened(table, 'one'), await opened(table, 'two')];
    const full = { reason: 'SESSION_LIMIT', name: 'calls_in_flight', abort: false };
    const first = granted(table.reserve(one, read));
    granted(table.reserve(one, read));
    expect(table.reserve(one, read)).toMatchObject(full);
    granted(table.reserve(two, read));
    expect(table.reserve(two, read)).toMatchObject(full);
    table.commit(first.id);
    table.release(first.id);
    for (let round = 0; round < 5; round++) {
      table.rollBack(granted(table.reserve(one, read)).id);
    }
    granted(table.reserve(two, read));
  });
});

describe('a session', () => {
  it('is the same for the same key, and another for another', async () => {
    const table = await tableOf([calls(1)]);
    const one = await opened(table, 'one');
    expect(await opened(table, 'one')).toBe(one);
    const two = await opened(table, 'two');
    granted(table.reserve(one, read));
    table.countDeny(one);
    table.abort(one, 'POLICY_ABORT');
    expect(table.snapshot(two, 0)).toMatchObject({ calls: 0, denies: 0 });
    expect(table.abortReason(two)).toBeUndefined();
    granted(table.reserve(two, read));
    expect(table.find(identity('two').key)).toBe(two);
    expect(table.find(identity('three').key)).toBeUndefined();
  });

  it('is not opened in a full table, and one that is open stays', async () => {
    const table = await tableOf([], { maxSessions: 2 });
    const one = await opened(table, 'one');
    await opened(table, 'two');
    expect(table.open(identity('three'), 0, [])).toBeUndefined();
    expect(table.open(identity('one'), 0, [])).toBe(one);
  });

  it('shows the other classes a call can be read as, which change neither its count nor the last class', async () => {
    const { table, handle } = await Subject.of([]);
    table.countAllow(handle, READ, 'a.test', undefined);
    table.noteClass(handle, indexOf('issue.read'));
    table.noteClass(handle, indexOf('credential.read'));
    table.noteClass(handle, indexOf('issue.read'));
    expect(table.snapshot(handle, 0)).toMatchObject({
      calls: 1,
      classes: ['code.read', 'credential.read', 'issue.read'],
      lastClass: 'code.read',
    });
  });

  it('has room for the rules of its tokens whatever other sessions bring', async () => {
    const table = await tableOf([], { maxSessions: 64 });
    const rules = (from: number, count: number, window?: string): BudgetLimit[] =>
      Array.from({ length: count }, (_, at) => ({
        name: `b${from + at}`,
        match: ['code.read'],
        maxCalls: 5,
        ...(window === undefined ? {} : { window }),
      }));
    for (let at = 0; at < 64; at++) {
      const handle = await opened(table, `s${at}`, [...rules(0, 16, '1h'), ...rules(16, 48)]);
      expect(granted(table.reserve(handle, read)).lines).toHaveLength(64);
    }
    expect(table.open(identity('s0'), 0, rules(64, 1))).toBeUndefined();
    const other = await tableOf([]);
    await opened(other, 'one', rules(0, 16, '1h'));
    expect(other.open(identity('one'), 0, rules(16, 1, '1h'))).toBeUndefined();
  });

  it('is charged once in every budget that counts any class the call can be read as', async () => {
    const { table, handle } = await Subject.of(
      [
        calls(5),
        calls(1, { name: 'writes', match: ['code.write'] }),
        calls(5, { name: 'both', match: ['code.*'] }),
      ],
      [{ name: 'own', match: ['issue.read'], maxCalls: 3 }],
    );
    const both = { ...read, classIndex: indexOf('code.write'), otherClasses: [READ, indexOf('issue.read')] };
    const { id, lines } = granted(table.reserve(handle, both));
    expect(lines.map(({ name, remaining }) => [name, remaining])).toEqual([
      ['calls', 4],
      ['writes', 0],
      ['both', 4],
      ['token/own', 2],
    ]);
    expect(table.reserve(handle, { ...read, otherClasses: [indexOf('code.write')] })).toMatchObject({
      name: 'writes',
    });
    expect(granted(table.reserve(handle, read)).lines.map(({ name }) => name)).toEqual(['calls', 'both']);
    table.rollBack(id);
    expect(granted(table.reserve(handle, both)).lines).toHaveLength(4);
  });

  it('shows calls allowed and under way, this one included, each once', async () => {
    const { table, handle } = await Subject.of([]);
    const shown = (): unknown => table.snapshot(handle, 0).calls;
    expect(shown()).toBe(0);
    const first = granted(table.reserve(handle, read));
    expect(shown()).toBe(1);
    table.countAllow(handle, READ, 'a.test', first.id);
    expect(shown()).toBe(1);
    const second = granted(table.reserve(handle, read));
    expect(shown()).toBe(2);
    table.rollBack(second.id);
    table.countDeny(handle);
    expect(shown()).toBe(1);
    table.commit(first.id);
    expect(shown()).toBe(1);
    table.countAllow(handle, -1, 'b.test', undefined);
    expect(shown()).toBe(2);
  });

  it('keeps an allowed call counted that was rolled back afterwards', async () => {
    const { table, handle } = await Subject.of([]);
    const { id } = granted(table.reserve(handle, read));
    table.countAllow(handle, READ, 'a.test', id);
    table.rollBack(id);
    expect(table.snapshot(handle, 0).calls).toBe(1);
  });

  it('shows classes, hosts, labels and the last class of the calls allowed before', async () => {
    const { table, handle } = await Subject.of([]);
    const before = table.snapshot(handle, 0);
    expect(before).toEqual({
      ageS: 0,
      calls: 0,
      denies: 0,
      classes: [],
      tools: [],
      hosts: [],
      injected: [],
      lastClass: '',
    });
    table.countAllow(handle, READ, 'a.test', undefined);
    table.countAllow(handle, indexOf('issue.read'), 'b.test', undefined);
    table.countAllow(handle, READ, 'b.test', undefined);
    table.countAllow(handle, -1, 'c.test', undefined);
    table.noteInjected(handle, 'github');
    table.noteInjected(handle, 'github');
    expect(table.snapshot(handle, 0)).toMatchObject({
      calls: 4,
      classes: ['code.read', 'issue.read'],
      hosts: ['a.test', 'b.test', 'c.test'],
      injected: ['github'],
      lastClass: 'code.read',
    });
    expect(before).toMatchObject({ classes: [], hosts: [], injected: [] });
  });

  it('has an age in whole seconds that is never negative', async () => {
    const table = await tableOf([]);
    const handle = await table.open(identity('one'), 10_000, []);
    if (handle === undefined) throw new Error('the table is full');
    expect(table.open(identity('one'), 99_000, [])).toBe(handle);
    expect(table.snapshot(handle, 12_999).ageS).toBe(2);
    expect(table.snapshot(handle, 9000).ageS).toBe(0);
  });

  it('calls at most 256 hosts', async () => {
    const subject = await Subject.of([calls(9999)]);
    const { table, handle } = subject;
    for (let index = 0; index < 255; index++) {
      const { id } = granted(subject.reserve({ ...read, host: `h${index}.test` }));
      table.countAllow(handle, READ, `h${index}.test`, id);
      table.commit(id);
      table.release(id);
    }
    // Two undecided calls must not both take the last place.
    const last = granted(subject.reserve({ ...read, host: 'last.test' }));
    const limit = { reason: 'SESSION_LIMIT', name: 'hosts', abort: false };
    expect(subject.reserve({ ...read, host: 'more.test' })).toMatchObject(limit);
    table.countAllow(handle, READ, 'last.test', last.id);
    expect(subject.reserve({ ...read, host: 'more.test' })).toMatchObject(limit);
    granted(subject.reserve({ ...read, host: 'h7.test' }));
    expect(table.snapshot(handle, 0).hosts).toHaveLength(256);
  });

  it('stays ended for its first reason, and settles what was under way', async () => {
    const subject = await Subject.of([calls(2)]);
    const { table, handle } = subject;
    const first = subject.held(read);
    expect(table.abortReason(handle)).toBeUndefined();
    table.abort(handle, 'POLICY_ABORT');
    table.abort(handle, 'BUDGET_EXCEEDED');
    expect(table.abortReason(handle)).toBe('POLICY_ABORT');
    expect(table.rollBack(first.id)).toBe(true);
    expect(table.reservationCount).toBe(0);
  });

  it('of another table is not found', async () => {
    const far = await tableOf([]);
    await opened(far, 'one');
    const two = await opened(far, 'two');
    const { table } = await Subject.of([]);
    expect(() => table.snapshot(two, 0)).toThrow(RangeError);
    expect(() => table.reserve(two, read)).toThrow(RangeError);
    expect(table.isOpen(two)).toBe(false);
  });

  it('is counted as well where there is no shared memory', async () => {
    vi.stubGlobal('SharedArrayBuffer', undefined);
    try {
      const subject = await Subject.of([calls(1)]);
      expect(subject.committed(read).lines).toEqual([{ name: 'calls', charged: 1, remaining: 0 }]);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
