import { describe, expect, it } from 'vitest';
import {
  parseBudget,
  parseDurationUs,
  parseWhole,
  parseShare,
  parseSlow,
} from '../../../src/cli/bench/arguments.ts';

describe('options of firma bench', () => {
  it.each([
    ['20us', 20],
    ['20µs', 20],
    ['1.5ms', 1500],
    ['2s', 2_000_000],
  ])('reads the time %s', (text, us) => {
    expect(parseDurationUs('--floor', text)).toBe(us);
  });

  it.each(['', '5', 'ms', '-1ms', '0us', '1e3us', '1 ms', '1m', '99999999s', '1ms ', 'NaNms'])(
    'refuses the time `%s`',
    (text) => {
      expect(() => parseDurationUs('--floor', text)).toThrow('`--floor` is not a time');
    },
  );

  it('reads a share as per cent', () => {
    expect([parseShare('--x', '10%'), parseShare('--x', '0.5%'), parseShare('--x', '0%')]).toEqual([
      0.1, 0.005, 0,
    ]);
    for (const text of ['10', '-1%', '%', '1e9%']) expect(() => parseShare('--x', text)).toThrow('per cent');
  });

  it('reads a whole number', () => {
    expect(parseWhole('--seed', '4294967295', 0, 2 ** 32 - 1)).toBe(4294967295);
    for (const text of ['11', '0', '-1', '1.5', '', '99999999999']) {
      expect(() => parseWhole('--attempts', text, 1, 10)).toThrow(
        '`--attempts` is not a whole number from 1 to 10',
      );
    }
  });

  it.each([
    ['p99=1ms', 'total', 'p99', 1000],
    ['p99.9=1ms', 'total', 'p99.9', 1000],
    ['total.p50=20us', 'total', 'p50', 20],
    ['policy.p99=200us', 'policy', 'p99', 200],
    ['policy.p99.9=200us', 'policy', 'p99.9', 200],
    ['verify.p50=1s', 'verify', 'p50', 1_000_000],
  ])('reads the budget %s', (text, stage, quantile, limitUs) => {
    expect(parseBudget(text)).toEqual({ stage, quantile, limitUs });
  });

  it.each([
    ['network.p99=1ms', 'names no stage'],
    ['policy=1ms', 'names no figure'],
    ['policy.p98=1ms', 'names no figure'],
    ['p99', 'names no figure'],
    ['=1ms', 'names no figure'],
    ['p99=', 'is not a time'],
    ['p99=1', 'is not a time'],
  ])('refuses the budget %s', (text, why) => {
    expect(() => parseBudget(text)).toThrow(why);
  });

  it('reads a delay of one stage, and of no whole call', () => {
    expect(parseSlow('policy=2ms')).toEqual({ stage: 'policy', delayMs: 2 });
    for (const text of ['total=2ms', 'x=2ms', '2ms']) expect(() => parseSlow(text)).toThrow('names no stage');
  });
});
