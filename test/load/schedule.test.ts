import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Schedule } from '../../src/load/schedule.ts';

describe('a schedule', () => {
  it('makes requests due evenly, the first at once', () => {
    const schedule = new Schedule(4, 1000);
    expect(schedule.total).toBe(4);
    expect([0, 1, 2, 3].map((index) => schedule.dueAtMs(index))).toEqual([0, 250, 500, 750]);
    expect([-1, 0, 249, 250, 749, 750, 99_999].map((ms) => schedule.dueBy(ms))).toEqual([
      0, 1, 1, 2, 3, 4, 4,
    ]);
  });

  it('has at least one request', () => {
    expect(new Schedule(1, 1).total).toBe(1);
  });

  it('counts as due by a time exactly what is due at that time or before', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200_000 }),
        fc.double({ min: 0, max: 5000, noNaN: true }),
        (rate, ms) => {
          const schedule = new Schedule(rate, 10_000);
          const due = schedule.dueBy(ms);
          expect(schedule.dueAtMs(due - 1)).toBeLessThanOrEqual(ms);
          expect(due === schedule.total || schedule.dueAtMs(due) > ms).toBe(true);
        },
      ),
    );
  });
});
