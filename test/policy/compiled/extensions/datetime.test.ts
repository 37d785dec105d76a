import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { call, counterexample, disagreements, garbled, misread, type Term, valueOf } from './oracle.ts';

const COMPARISONS = ['<', '<=', '>', '>=', '=='];

const TAKEN = [
  '1970-01-01',
  '0000-01-01',
  '0000-02-29',
  '0001-01-01',
  '0099-12-31',
  '1582-10-10',
  '1600-02-29',
  '1969-12-31',
  '2000-02-29',
  '2024-02-29',
  '2024-12-31',
  '9999-12-31',
  '2024-10-15T11:38:02Z',
  '2024-10-15T11:38:02.101Z',
  '2024-10-15T11:38:02.101+1134',
  '2024-10-15T11:38:02-1134',
  '2024-10-15T00:00:00+0000',
  '2024-10-15T00:00:00-0000',
  '2024-01-01T00:00:00+2359',
  '2024-12-31T23:59:59.999-2359',
  '1969-12-31T23:59:59.999Z',
  '0000-01-01T00:00:00.000+2359',
  '9999-12-31T23:59:59.999-2359',
];

const REFUSED = [
  '',
  '-',
  '2024',
  '2024-10',
  '2024-10-1',
  '2024-1-01',
  '24-10-15',
  '02024-10-15',
  '12024-10-15',
  '-2024-10-15',
  '+2024-10-15',
  '2024/10/15',
  '20241015',
  '2024-10-15 ',
  ' 2024-10-15',
  '2024-10-15\n',
  '2024-10-15T',
  '2024-10-15Z',
  '2024-10-15T11:38',
  '2024-10-15T11:38Z',
  '2024-10-15T11:38:02',
  '2024-10-15T11:38:02.Z',
  '2024-10-15T11:38:02.1Z',
  '2024-10-15T11:38:02.12Z',
  '2024-10-15T11:38:02.1234Z',
  '2024-10-15T11:38:02,123Z',
  '2024-10-15T11:38:02.123',
  '2024-10-15T11:38:02z',
  '2024-10-15t11:38:02Z',
  '2024-10-15 11:38:02Z',
  '2024-10-15T11:38:02Z ',
  '2024-10-15T11:38:02ZZ',
  '2024-10-15T11:38:02Z+0000',
  '2024-10-15T11:38:02+00:00',
  '2024-10-15T11:38:02+00',
  '2024-10-15T11:38:02+000',
  '2024-10-15T11:38:02+00000',
  '2024-10-15T11:38:02+2400',
  '2024-10-15T11:38:02-2400',
  '2024-10-15T11:38:02+0060',
  '2024-10-15T11:38:02\u22120100',
  '2024-10-15T24:00:00Z',
  '2024-10-15T23:60:00Z',
  '2016-12-31T23:59:60Z',
  '2016-12-31T23:59:60.000Z',
  '2024-00-10',
  '2024-13-10',
  '2024-01-00',
  '2024-01-32',
  '2024-04-31',
  '2023-02-29',
  '2024-02-30',
  '1900-02-29',
  '2100-02-29',
  '2024-02-30T00:00:00Z',
  '\uff12024-10-15',
  '2024-10-\u0661\u0661',
  'now',
];

const two = (max: number): fc.Arbitrary<string> => fc.nat(max).map((value) => String(value).padStart(2, '0'));
const year = fc.nat(9999).map((value) => String(value).padStart(4, '0'));
const date = fc.tuple(year, two(13), two(32)).map((all) => all.join('-'));
const time = fc.tuple(two(24), two(60), two(60)).map((all) => all.join(':'));
const millis = fc.option(fc.nat(999)).map((ms) => (ms === null ? '' : `.${String(ms).padStart(3, '0')}`));
const zone = fc.oneof(
  fc.constant('Z'),
  fc.tuple(fc.constantFrom('+', '-'), two(24), two(60)).map((all) => all.join('')),
);
const text = fc.oneof(
  date,
  fc.tuple(date, time, millis, zone).map(([day, clock, ms, end]) => `${day}T${clock}${ms}${end}`),
);
const CENTERS = [0n, 2n ** 63n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n), 86_400_000n, -86_400_000n];
const duration = fc
  .tuple(fc.constantFrom(...CENTERS), fc.bigInt({ min: -1001n, max: 1001n }))
  .map(([center, by]) => call('duration', `${center + by}ms`));
const datetime: fc.Arbitrary<Term> = fc.oneof(
  text.map((from) => call('datetime', from)),
  duration.map((by) => call('offset', call('datetime', '1970-01-01'), by)),
);

/** A datetime by its milliseconds since the epoch. */
const at = (ms: bigint): Term => call('offset', call('datetime', '1970-01-01'), call('duration', `${ms}ms`));

describe('datetime', () => {
  it('takes and refuses the texts that cedar does', () => {
    expect(misread('datetime', TAKEN, REFUSED)).toEqual([]);
  });

  it('knows every day around the turns of leap years', () => {
    const days: string[] = [];
    for (const year of ['0000', '0100', '0400', '1900', '2000', '2023', '2024']) {
      for (const month of ['01', '02', '03', '12']) {
        for (const day of ['01', '28', '29', '30', '31']) days.push(`${year}-${month}-${day}`);
      }
    }
    expect(disagreements(days.map((day) => call('datetime', day)))).toEqual([]);
  });

  it('splits a datetime into date and time, before 1970 too', () => {
    const day = 86_400_000n;
    const instants = [0n, 1n, day - 1n, day, -1n, -day + 1n, -day, -day - 1n, 2n ** 53n, -(2n ** 53n)].map(
      at,
    );
    expect(
      disagreements(instants.flatMap((instant) => [call('toDate', instant), call('toTime', instant)])),
    ).toEqual([]);
    expect(Object.is(valueOf(call('toMilliseconds', call('toTime', at(-day)))), 0)).toBe(true);
  });

  it('errors where a result is outside int64', () => {
    const min = -(2n ** 63n);
    const max = 2n ** 63n - 1n;
    expect(
      disagreements([
        call('toDate', at(min)),
        call('toTime', at(min)),
        call('toDate', at(max)),
        call('toTime', at(max)),
        call('offset', at(max), call('duration', '1ms')),
        call('offset', at(max), call('duration', '0ms')),
        call('offset', at(min), call('duration', '-1ms')),
        call('offset', at(min), call('duration', `${max}ms`)),
        call('durationSince', at(0n), at(min)),
        call('durationSince', at(-1n), at(min)),
        call('durationSince', at(max), at(-1n)),
        call('durationSince', at(max), at(0n)),
        call('durationSince', at(min), at(max)),
      ]),
    ).toEqual([]);
  });

  it('compares as cedar does, and nothing but two datetimes or two durations', () => {
    const datetimes = [0n, 1n, -1n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)].map(at);
    const pairs = datetimes.flatMap((a) => datetimes.map((b) => [a, b] as const));
    expect(disagreements(COMPARISONS.flatMap((fn) => pairs.map(([a, b]) => call(fn, a, b))))).toEqual([]);
    const others = [call('duration', '0ms'), call('decimal', '0.0'), call('ip', '::'), '1970-01-01', 0];
    expect(
      disagreements(
        COMPARISONS.flatMap((fn) =>
          others.flatMap((other) => [call(fn, at(0n), other), call(fn, other, at(0n))]),
        ),
      ),
    ).toEqual([]);
  });

  it('agrees with cedar on generated texts and operations', () => {
    expect(
      counterexample(garbled(text, '0123456789-+:.TZ ').map((from) => call('datetime', from))),
    ).toBeUndefined();
    const operation: fc.Arbitrary<Term> = fc.oneof(
      fc.tuple(fc.constantFrom('toDate', 'toTime'), datetime).map(([fn, a]) => call(fn, a)),
      fc
        .tuple(fc.constantFrom(...COMPARISONS, 'durationSince'), datetime, datetime)
        .map(([fn, a, b]) => call(fn, a, b)),
      fc.tuple(datetime, duration).map(([a, by]) => call('offset', a, by)),
    );
    expect(counterexample(operation)).toBeUndefined();
  });
});
