import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Latencies } from '../../src/load/latencies.ts';

function of(values: readonly number[]): Latencies {
  const latencies = new Latencies();
  for (const value of values) latencies.record(value);
  return latencies;
}

describe('latencies', () => {
  it('are all 0 where there are none', () => {
    expect(new Latencies().quantiles()).toEqual({ p50: 0, p90: 0, p99: 0, p999: 0, max: 0, mean: 0 });
  });

  it('keep three digits from a microsecond up', () => {
    const { p50, max } = of([0.001, 0.25, 1234.5]).quantiles();
    expect(p50).toBe(0.25);
    expect(max).toBeGreaterThan(1233);
    expect(max).toBeLessThan(1236);
  });

  it('take what is below 0, or beyond an hour, as the nearest they can hold', () => {
    const latencies = of([-5, 1e12]);
    expect(latencies.count).toBe(2);
    expect(latencies.quantileMs(0.5)).toBe(0);
    expect(latencies.maxMs).toBeGreaterThan(3_590_000);
  });

  it('of two sets, added, are those of both together', () => {
    const set = fc.array(fc.double({ min: 0, max: 100_000, noNaN: true }), { maxLength: 40 });
    fc.assert(
      fc.property(set, set, (one, other) => {
        const added = of(one);
        added.add(of(other));
        const together = of([...one, ...other]);
        expect(added.count).toBe(together.count);
        expect(added.quantiles()).toEqual(together.quantiles());
      }),
      { numRuns: 30 },
    );
  });

  it('begin anew once cleared', () => {
    const latencies = of([5, 6]);
    latencies.clear();
    latencies.record(1);
    expect(latencies.quantiles()).toMatchObject({ p50: 1, max: 1 });
  });
});
