import { describe, expect, it } from 'vitest';
import { busyBetween, counts, type CpuSample, parseSchedstat } from '../../../bench/macro/cpu.ts';

function sampleOf(atMs: number, ...threads: (readonly [string, number, number])[]): CpuSample {
  return { atMs, threads: new Map(threads.map(([id, ranNs, waitedNs]) => [id, { ranNs, waitedNs }])) };
}

describe('how busy a server was', () => {
  it('is what its threads ran and waited between two looks', () => {
    const before = sampleOf(1000, ['1', 5e8, 0], ['2', 0, 0]);
    const after = sampleOf(2000, ['1', 14.5e8, 2e7], ['2', 1e8, 0], ['3', 2e8, 0]);
    const busy = busyBetween(before, after);
    expect(busy.busiest).toBeCloseTo(0.95);
    expect(busy.waited).toBeCloseTo(0.02);
    expect(busy.all).toBeCloseTo(1.25);
  });

  it('counts from 90 % of a core: of one thread where one does the work', () => {
    const spread = { all: 1.2, busiest: 0.6, waited: 0 };
    expect(counts(spread, 'many')).toBe(true);
    expect(counts(spread, 'one')).toBe(false);
    expect(counts({ all: 0.95, busiest: 0.91, waited: 0 }, 'one')).toBe(true);
  });

  it('does not count where nothing is known', () => {
    const busy = busyBetween(sampleOf(0), sampleOf(1000));
    expect(counts(busy, 'one')).toBe(false);
    expect(counts(busy, 'many')).toBe(false);
  });

  it('is read from what the kernel tells of a thread', () => {
    expect(parseSchedstat('598638461 2071904 10\n')).toEqual({ ranNs: 598638461, waitedNs: 2071904 });
  });
});
