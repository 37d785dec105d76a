import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RingMerge } from '../../src/audit/ring-merge.ts';
import { makeRing, makeSharedCells, OPEN, RingWriter, STATE, TICKET } from '../../src/audit/ring.ts';

function setUp(
  threads: number,
  maxUnderWay = 64,
): { cells: Int32Array; merge: RingMerge; writers: RingWriter[] } {
  const shared = makeSharedCells();
  const cells = new Int32Array(shared);
  Atomics.store(cells, STATE, OPEN);
  const merge = new RingMerge(shared, maxUnderWay);
  const writers = Array.from({ length: threads }, (_, thread) => {
    const ring = makeRing(64, 4_096);
    merge.add(thread, ring);
    return new RingWriter(shared, ring);
  });
  return { cells, merge, writers };
}

const taken = (merge: RingMerge): string => merge.take()?.toString() ?? '';

describe('RingMerge', () => {
  it('joins rings in the order in which their records were appended, also where tickets begin anew', () => {
    const threads = fc.array(fc.nat(3), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(threads, fc.integer({ min: -40, max: 0 }), (order, firstTicket) => {
        const { cells, merge, writers } = setUp(4);
        Atomics.store(cells, TICKET, firstTicket);
        order.forEach((thread, index) => writers[thread]?.push(`${index};`));
        expect(taken(merge)).toBe(order.map((_, index) => `${index};`).join(''));
        expect(taken(merge)).toBe('');
      }),
    );
  });

  it('passes over a ticket whose record is not there yet, and over one that never comes', () => {
    const { cells, merge, writers } = setUp(2);
    writers[0]?.push('first;');
    Atomics.add(cells, TICKET, 1);
    writers[1]?.push('third;');
    expect(taken(merge)).toBe('first;third;');
    writers[0]?.push('fourth;');
    expect(taken(merge)).toBe('fourth;');
  });

  it('leaves a record for later that came after it began to look', () => {
    const { cells, merge, writers } = setUp(2);
    writers[0]?.push('early;');
    writers[1]?.push('late;');
    // As if the second ticket were taken while the rings are looked at.
    Atomics.sub(cells, TICKET, 1);
    expect(taken(merge)).toBe('early;');
    Atomics.add(cells, TICKET, 1);
    expect(taken(merge)).toBe('late;');
  });

  it('books every acknowledgement to the ring the record came from', () => {
    const { merge, writers } = setUp(3);
    for (const thread of [0, 1, 1, 2, 0, 1]) writers[thread]?.push('x');
    merge.take();
    const told: number[] = [];
    merge.acknowledge(4, (thread) => told.push(thread));
    expect(writers.map(({ acknowledged }) => acknowledged)).toEqual([1, 2, 1]);
    expect(told).toEqual([0, 1, 2]);
    merge.acknowledge(2, () => {});
    expect(writers.map(({ acknowledged }) => acknowledged)).toEqual([2, 3, 1]);
    expect([merge.taken, merge.underWay]).toEqual([6, 0]);
  });

  it('takes out no more than may be under way, and the rest once there is room', () => {
    const { merge, writers } = setUp(2, 4);
    for (let i = 0; i < 6; i++) writers[i % 2]?.push(`${i};`);
    expect(taken(merge)).toBe('0;1;2;3;');
    expect([taken(merge), merge.waiting]).toEqual(['', 2]);
    merge.acknowledge(1, () => {});
    expect(taken(merge)).toBe('4;');
    merge.acknowledge(4, () => {});
    expect(taken(merge)).toBe('5;');
  });

  it('takes out what a thread that ended left, and gives its number to another', () => {
    const { merge, writers } = setUp(2);
    writers[1]?.push('last;');
    merge.end(1);
    merge.add(1, makeRing(4, 100));
    expect(merge.rings()).toHaveLength(3);
    expect(taken(merge)).toBe('last;');
    const told: number[] = [];
    merge.acknowledge(1, (thread) => told.push(thread));
    expect(told).toEqual([]);
    expect(merge.rings()).toHaveLength(2);
  });
});
