import { describe, expect, it } from 'vitest';
import { compileBudgets } from '../../native-free-core/session/budgets.ts';
import { SessionTable } from '../../native-free-core/session/table.ts';
import { calls, granted, indexOf, opened, READ, read, Subject } from './subject.ts';

const MAX = Number.MAX_SAFE_INTEGER;

describe('a reservation', () => {
  it('is settled once; what comes later is ignored', () => {
    const subject = new Subject([calls(5)]);
    const first = subject.held(read);
    expect(subject.table.commit(first.id)).toBe(true);
    expect(subject.table.commit(first.id)).toBe(false);
    expect(subject.table.rollBack(first.id)).toBe(false);
    const second = subject.held(read);
    expect(subject.table.rollBack(second.id)).toBe(true);
    expect(subject.table.commit(second.id)).toBe(false);
    expect(subject.held(read).lines).toEqual([{ name: 'calls', charged: 1, remaining: 3 }]);
  });

  it('has an id that never settles another call', () => {
    const subject = new Subject([calls(500)]);
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

  it('is one of at most so many, in all and a session', () => {
    const table = new SessionTable({ budgets: [], maxReservations: 3, maxReservationsPerSession: 2 });
    const [one, two] = [opened(table, 'one'), opened(table, 'two')];
    const full = { reason: 'SESSION_LIMIT', name: 'calls_in_flight', abort: false };
    const first = granted(table.reserve(one, read, 'a.test'));
    granted(table.reserve(one, read, 'a.test'));
    expect(table.reserve(one, read, 'a.test')).toEqual(full);
    granted(table.reserve(two, read, 'a.test'));
    expect(table.reserve(two, read, 'a.test')).toEqual(full);
    table.commit(first.id);
    for (let round = 0; round < 5; round++) {
      table.rollBack(granted(table.reserve(one, read, 'a.test')).id);
    }
    granted(table.reserve(two, read, 'a.test'));
  });
});

describe('a session', () => {
  it('is the same for the same key, and another for another', () => {
    const table = new SessionTable({ budgets: compileBudgets([calls(1)]) });
    const one = opened(table, 'one');
    expect(opened(table, 'one')).toBe(one);
    const two = opened(table, 'two');
    granted(table.reserve(one, read, 'a.test'));
    table.countDeny(one);
    table.abort(one, 'POLICY_ABORT');
    expect(table.snapshot(two, 0)).toMatchObject({ calls: 0, denies: 0 });
    expect(table.abortReason(two)).toBeUndefined();
    granted(table.reserve(two, read, 'a.test'));
    expect(table.find('two')).toBe(two);
    expect(table.find('three')).toBeUndefined();
  });

  it('is not opened in a full table, and one that is open stays', () => {
    const table = new SessionTable({ budgets: [], maxSessions: 2 });
    const one = opened(table, 'one');
    opened(table, 'two');
    expect(table.open('three', 0, [])).toBeUndefined();
    expect(table.open('one', 0, [])).toBe(one);
  });

  it('shows the other classes a call can be read as, which change neither its count nor the last class', () => {
    const { table, handle } = new Subject([]);
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

  it('shows calls allowed and under way, this one included, each once', () => {
    const { table, handle } = new Subject([]);
    const shown = (): unknown => table.snapshot(handle, 0).calls;
    expect(shown()).toBe(0);
    const first = granted(table.reserve(handle, read, 'a.test'));
    expect(shown()).toBe(1);
    table.countAllow(handle, READ, 'a.test', first.id);
    expect(shown()).toBe(1);
    const second = granted(table.reserve(handle, read, 'a.test'));
    expect(shown()).toBe(2);
    table.rollBack(second.id);
    table.countDeny(handle);
    expect(shown()).toBe(1);
    table.commit(first.id);
    expect(shown()).toBe(1);
    table.countAllow(handle, -1, 'b.test', undefined);
    expect(shown()).toBe(2);
  });

  it('keeps an allowed call counted that was rolled back afterwards', () => {
    const { table, handle } = new Subject([]);
    const { id } = granted(table.reserve(handle, read, 'a.test'));
    table.countAllow(handle, READ, 'a.test', id);
    table.rollBack(id);
    expect(table.snapshot(handle, 0).calls).toBe(1);
  });

  it('shows classes, hosts, labels and the last class of the calls allowed before', () => {
    const { table, handle } = new Subject([]);
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
    table.noteInjected('one', 'github');
    table.noteInjected('one', 'github');
    table.noteInjected('nobody', 'github');
    expect(table.snapshot(handle, 0)).toMatchObject({
      calls: 4,
      classes: ['code.read', 'issue.read'],
      hosts: ['a.test', 'b.test', 'c.test'],
      injected: ['github'],
      lastClass: 'code.read',
    });
    expect(before).toMatchObject({ classes: [], hosts: [], injected: [] });
  });

  it('has an age in whole seconds that is never negative', () => {
    const table = new SessionTable({ budgets: [] });
    const handle = table.open('one', 10_000, []);
    if (handle === undefined) throw new Error('the table is full');
    expect(table.open('one', 99_000, [])).toBe(handle);
    expect(table.snapshot(handle, 12_999).ageS).toBe(2);
    expect(table.snapshot(handle, 9000).ageS).toBe(0);
  });

  it('calls at most 256 hosts', () => {
    const subject = new Subject([calls(9999)]);
    const { table, handle } = subject;
    for (let index = 0; index < 255; index++) {
      const { id } = granted(subject.reserve(read, `h${index}.test`));
      table.countAllow(handle, READ, `h${index}.test`, id);
      table.commit(id);
    }
    // Two undecided calls must not both take the last place.
    const last = granted(subject.reserve(read, 'last.test'));
    const limit = { reason: 'SESSION_LIMIT', name: 'hosts', abort: false };
    expect(subject.reserve(read, 'more.test')).toEqual(limit);
    table.countAllow(handle, READ, 'last.test', last.id);
    expect(subject.reserve(read, 'more.test')).toEqual(limit);
    granted(subject.reserve(read, 'h7.test'));
    expect(table.snapshot(handle, 0).hosts).toHaveLength(256);
  });

  it('stays ended for its first reason, and settles what was under way', () => {
    const subject = new Subject([calls(2)]);
    const { table, handle } = subject;
    const first = subject.held(read);
    expect(table.abortReason(handle)).toBeUndefined();
    table.abort(handle, 'POLICY_ABORT');
    table.abort(handle, 'BUDGET_EXCEEDED');
    expect(table.abortReason(handle)).toBe('POLICY_ABORT');
    expect(table.rollBack(first.id)).toBe(true);
    expect(table.reservationCount).toBe(0);
  });

  it('of another table is not found', () => {
    const far = new SessionTable({ budgets: [] });
    const handles = ['one', 'two'].map((key) => opened(far, key));
    const near = new Subject([]).table;
    expect(() => near.snapshot(handles[1] ?? opened(far, 'three'), 0)).toThrow(RangeError);
  });
});
