import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom, shuffled } from '../../src/load/random.ts';
import { Zipf } from '../../src/load/zipf.ts';

function drawn(count: number, exponent: number, draws: number): number[] {
  const zipf = new Zipf(count, exponent);
  const random = seededRandom(7);
  const hits = Array.from({ length: count }, () => 0);
  for (let draw = 0; draw < draws; draw++) {
    const rank = zipf.pick(random);
    hits[rank] = (hits[rank] ?? 0) + 1;
  }
  return hits;
}

describe("ranks by Zipf's law", () => {
  it('come up in proportion to 1 / rank^exponent', () => {
    const draws = 200_000;
    const harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5;
    for (const [rank, hits] of drawn(5, 1, draws).entries()) {
      const expected = draws / (rank + 1) / harmonic;
      expect(Math.abs(hits - expected) / expected).toBeLessThan(0.03);
    }
  });

  it('are alike with exponent 0', () => {
    for (const hits of drawn(4, 0, 40_000)) expect(Math.abs(hits - 10_000)).toBeLessThan(500);
  });

  it('stay below their number, whatever the random number is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0, max: 4, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (count, exponent, number) => {
          const rank = new Zipf(count, exponent).pick(() => number);
          expect(rank).toBeGreaterThanOrEqual(0);
          expect(rank).toBeLessThan(count);
        },
      ),
    );
  });
});

describe('seeded random numbers', () => {
  const first = (seed: number): number[] => {
    const random = seededRandom(seed);
    return Array.from({ length: 20 }, random);
  };

  it('follow from the seed alone', () => {
    expect(first(1)).toEqual(first(1));
    expect(first(1)).not.toEqual(first(2));
  });

  it('are from 0 to below 1, for seed 0 too, and not all alike', () => {
    for (const seed of [0, 1, 2 ** 32 - 1]) {
      const numbers = first(seed);
      expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
      expect(new Set(numbers).size).toBe(20);
    }
  });

  it('shuffle a list without losing anything, each time the same', () => {
    const items = Array.from({ length: 50 }, (_one, index) => index);
    const order = shuffled(items, seededRandom(3));
    expect(order).not.toEqual(items);
    expect(order.toSorted((left, right) => left - right)).toEqual(items);
    expect(shuffled(items, seededRandom(3))).toEqual(order);
  });
});
