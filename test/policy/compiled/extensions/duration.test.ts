import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Duration } from '../../../../native-free-core/policy/compiled/extensions/duration.ts';
import { call, counterexample, disagreements, garbled, misread, type Term, valueOf } from './oracle.ts';

const METHODS = ['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'];
const COMPARISONS = ['<', '<=', '>', '>=', '=='];

const TAKEN = [
  '0ms',
  '-0ms',
  '0d',
  '1d',
  '1h',
  '1m',
  '1s',
  '1ms',
  '-1ms',
  '1m1ms',
  '1m1s',
  '1s1ms',
  '1d2h3m4s5ms',
  '-1d2h3m4s5ms',
  '25h61m61s1001ms',
  '-25h61m61s1001ms',
  '0000000000000000000000000001ms',
  '9007199254740991ms',
  '9007199254740992ms',
  '-9007199254740993ms',
  '9223372036854775807ms',
  '-9223372036854775808ms',
  '9223372036854775s807ms',
  '-9223372036854775s808ms',
  '106751991167d7h12m55s807ms',
  '-106751991167d7h12m55s808ms',
  '106751991167d',
  '2562047788015h',
  '153722867280912m',
];

const EDGES = [
  '0ms',
  '-0d',
  '-1ms',
  '1s1ms',
  '1001ms',
  '9007199254740991ms',
  '9007199254740993ms',
  '9223372036854775807ms',
  '-9223372036854775808ms',
];

const REFUSED = [
  '',
  '-',
  '--1ms',
  '+1ms',
  '1',
  'd',
  '-d',
  'ms',
  '1d1',
  '1ms1s',
  '1s1m',
  '1h1d',
  '1d1d',
  '1ms1ms',
  '1m1m',
  '1d-1h',
  '1.5s',
  '1D',
  '1S',
  '1 d',
  ' 1d',
  '1d ',
  '1d\n',
  '1d 1h',
  '1mss',
  '1msm',
  '1w',
  '1us',
  '1y',
  'P1D',
  '0x1ms',
  '\u0661ms',
  '\uff11ms',
  '9223372036854775808ms',
  '-9223372036854775809ms',
  '9223372036854775s808ms',
  '-9223372036854775s809ms',
  '106751991167d7h12m55s808ms',
  '-106751991167d7h12m55s809ms',
  '106751991168d',
  '2562047788016h',
  '153722867280913m',
  '9223372036854776s',
  '18446744073709551615ms',
  '18446744073709551616ms',
  '99999999999999999999999999999999d',
];

const count = fc.oneof(
  fc.bigInt({ min: 0n, max: 100n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n }),
  fc.bigInt({ min: 0n, max: 106_751_991_200n }),
);
const parts = ['d', 'h', 'm', 's', 'ms'].map((unit) =>
  fc.option(count, { freq: 1 }).map((value) => (value === null ? '' : `${value}${unit}`)),
);
const text = fc.tuple(fc.constantFrom('', '-'), ...parts).map((all) => all.join(''));
const LONGS = [
  0n,
  2n ** 63n,
  -(2n ** 63n),
  2n ** 53n,
  -(2n ** 53n),
  86_400_000n,
  -86_400_000n,
  60_000n,
  -1000n,
];
const millis = fc
  .tuple(fc.constantFrom(...LONGS), fc.bigInt({ min: -1001n, max: 1001n }))
  .map(([center, by]) => `${center + by}ms`);

describe('duration', () => {
  it('takes and refuses the texts that cedar does', () => {
    expect(misread('duration', TAKEN, REFUSED)).toEqual([]);
  });

  it('converts and compares as cedar does', () => {
    const durations = TAKEN.map((from) => call('duration', from));
    expect(disagreements(METHODS.flatMap((fn) => durations.map((duration) => call(fn, duration))))).toEqual(
      [],
    );
    const edges = EDGES.map((from) => call('duration', from));
    const pairs = edges.flatMap((a) => edges.map((b) => [a, b] as const));
    expect(disagreements(COMPARISONS.flatMap((fn) => pairs.map(([a, b]) => call(fn, a, b))))).toEqual([]);
  });

  it('agrees with cedar on generated texts and operations', () => {
    expect(
      counterexample(garbled(text, '0123456789dhms- ').map((from) => call('duration', from))),
    ).toBeUndefined();
    const duration = fc.oneof(text, millis).map((from) => call('duration', from));
    const operation: fc.Arbitrary<Term> = fc.oneof(
      fc.tuple(fc.constantFrom(...METHODS), duration).map(([fn, a]) => call(fn, a)),
      fc.tuple(fc.constantFrom(...COMPARISONS), duration, duration).map(([fn, a, b]) => call(fn, a, b)),
    );
    expect(counterexample(operation)).toBeUndefined();
  });

  it('answers Longs in their one form', () => {
    const toMilliseconds = (from: string): unknown => valueOf(call('toMilliseconds', call('duration', from)));
    expect(toMilliseconds('9007199254740991ms')).toBe(9_007_199_254_740_991);
    expect(toMilliseconds('9007199254740992ms')).toBe(9_007_199_254_740_992n);
    expect(valueOf(call('toMinutes', call('duration', '-9223372036854775808ms')))).toBe(-153_722_867_280_912);
    expect(Object.is(toMilliseconds('-0ms'), 0)).toBe(true);
    expect(Object.is(valueOf(call('toDays', call('duration', '-1ms'))), 0)).toBe(true);
  });

  it('reads a long text in linear time', () => {
    const zeros = '0'.repeat(1_000_000);
    expect(Duration.parse(`${zeros}1ms`)?.ms).toBe(1);
    expect(Duration.parse(`1${zeros}ms`)).toBeUndefined();
  });
});
