import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Decimal } from '../../../../native-free-core/policy/compiled/extensions/decimal.ts';
import { call, counterexample, disagreements, garbled, misread } from './oracle.ts';

const COMPARISONS = ['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual', '=='];

const TAKEN = [
  '0.0',
  '-0.0',
  '-0.0001',
  '1.0',
  '1.00',
  '1.0000',
  '12.34',
  '-12.3456',
  '007.5',
  '-000.5',
  '0000000000000000000000000000000000001.5',
  '900719925474.0991',
  '900719925474.0992',
  '-900719925474.0992',
  '922337203685477.5807',
  '-922337203685477.5808',
];

const EDGES = [
  '0.0',
  '-0.0',
  '-0.0001',
  '1.0',
  '01.00',
  '900719925474.0991',
  '900719925474.0993',
  '922337203685477.5807',
  '-922337203685477.5808',
];

const REFUSED = [
  '',
  '.',
  '-',
  '-.',
  '1',
  '1.',
  '.5',
  '-.5',
  '-1.',
  '1.00000',
  '0.12345',
  '+1.0',
  '--1.0',
  '1.-5',
  '1.+5',
  '1.2.3',
  '1,5',
  '1e2.0',
  '0x1.0',
  '1_0.0',
  ' 1.0',
  '1.0 ',
  '1.0\n',
  '\n1.0',
  '1.0\0',
  '1 .0',
  'NaN',
  '\u0661.0',
  '1.\uff11',
  '\uff0d1.0',
  '922337203685477.5808',
  '-922337203685477.5809',
  '922337203685478.0',
  '9223372036854775807.0',
  '9223372036854775808.0',
  '99999999999999999999999999.0',
];

const digits = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength });
const near = (center: bigint): fc.Arbitrary<bigint> =>
  fc.bigInt({ min: center - 20_000n, max: center + 20_000n });
const scaled = fc.oneof(near(2n ** 63n), near(2n ** 53n), near(-(2n ** 63n)), near(-(2n ** 53n)), near(0n));
const text = fc.oneof(
  fc
    .tuple(fc.constantFrom('', '-'), digits(17), digits(5))
    .map(([sign, whole, part]) => `${sign}${whole}.${part}`),
  scaled.map((value) => {
    const all = String(value).replace('-', '').padStart(5, '0');
    return `${value < 0n ? '-' : ''}${all.slice(0, -4)}.${all.slice(-4)}`;
  }),
);

it('takes and refuses the texts that cedar does', () => {
  expect(misread('decimal', TAKEN, REFUSED)).toEqual([]);
});

it('compares as cedar does', () => {
  const edges = EDGES.map((from) => call('decimal', from));
  const pairs = edges.flatMap((a) => edges.map((b) => [a, b] as const));
  expect(disagreements(COMPARISONS.flatMap((fn) => pairs.map(([a, b]) => call(fn, a, b))))).toEqual([]);
});

it('agrees with cedar on generated texts and pairs', () => {
  expect(
    counterexample(garbled(text, '0123456789.-+ e').map((from) => call('decimal', from))),
  ).toBeUndefined();
  const comparison = fc
    .tuple(fc.constantFrom(...COMPARISONS), text, text)
    .map(([fn, a, b]) => call(fn, call('decimal', a), call('decimal', b)));
  expect(counterexample(comparison)).toBeUndefined();
});

it('reads a long text in linear time', () => {
  const zeros = '0'.repeat(1_000_000);
  expect(Decimal.parse(`${zeros}1.5`)?.scaled).toBe(15_000);
  expect(Decimal.parse(`1${zeros}.5`)).toBeUndefined();
});
