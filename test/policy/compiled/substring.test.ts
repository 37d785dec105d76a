import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finderOf } from '../../../native-free-core/policy/compiled/substring.ts';

describe('a search for a part', () => {
  it('finds what `indexOf` finds', () => {
    const repeated = fc
      .tuple(fc.stringMatching(/^[ab]{1,4}$/), fc.integer({ min: 1, max: 60 }))
      .map(([word, times]) => word.repeat(times));
    const pieces = fc.array(repeated, { maxLength: 4 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pieces, pieces, pieces, fc.nat(200), (before, part, after, from) => {
        const at = Math.min(from, before.length);
        for (const text of [before + part + after, before + after]) {
          expect(finderOf(part)(text, at)).toBe(text.indexOf(part, at));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('ends where a part nearly stands everywhere', () => {
    const part = `${'a'.repeat(10)}b${'a'.repeat(100_000)}`;
    expect(finderOf(part)('a'.repeat(2_000_000), 0)).toBe(-1);
  });
});
