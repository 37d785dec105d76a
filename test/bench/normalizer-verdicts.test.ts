import { describe, expect, it } from 'vitest';
import type { NormalizerFigure, NormalizerResult } from '../../bench/micro/normalizer.bench.ts';
import { judgeNormalizer } from '../../bench/normalizer-verdicts.ts';

const BUDGETS = {
  canonicalUs: 0.8,
  rewrittenUs: 4,
  rules10000Over10: 1.5,
  findMyWayOverTrie: 1.5,
  loadMs: 50,
  loadMb: 10,
};

type Medians = Partial<Record<NormalizerFigure, number>>;

const GOOD = { canonical: 0.6, rewritten: 2, trie: 0.2, find_my_way: 0.4, rules_10: 0.1, rules_10000: 0.12 };

function measured(rounds: readonly Medians[], loadMs = 20, loadedMb = 2): NormalizerResult {
  const asRound = (medians: Medians) => ({
    medianUs: new Map(Object.entries(medians) as [NormalizerFigure, number][]),
    loadMs,
  });
  return { rounds: rounds.map(asRound), loadedMb, rules: 1000, requests: 1000 };
}

function missed(...results: readonly NormalizerResult[]): readonly string[] {
  return judgeNormalizer(results, BUDGETS).flatMap(({ ok, line }) => (ok ? [] : [line]));
}

describe('the verdicts about the normalizer', () => {
  it('miss nothing where every figure holds its budget', () => {
    expect(missed(measured([GOOD]))).toEqual([]);
  });

  it.each<[string, NormalizerResult]>([
    ['normalizer.canonical: 0.90 µs', measured([{ ...GOOD, canonical: 0.9 }])],
    ['normalizer.rewritten: 4.10 µs', measured([{ ...GOOD, rewritten: 4.1 }])],
    ['normalizer.rules_10000: 1.60 times', measured([{ ...GOOD, rules_10000: 0.16 }])],
    ['normalizer.find_my_way: 1.40 times', measured([{ ...GOOD, find_my_way: 0.28 }])],
    ['normalizer.load, time: 51.00 ms', measured([GOOD], 51)],
    ['normalizer.load, memory: 11.00 MB', measured([GOOD], 20, 11)],
    ['normalizer.load, memory: NaN MB', measured([GOOD], 20, Number.NaN)],
    ['normalizer.canonical: NaN µs', measured([{ ...GOOD, canonical: Number.NaN }])],
  ])('miss %s', (line, result) => {
    expect(missed(result)).toEqual([expect.stringContaining(`MISSED ${line}`)]);
  });

  it('look at the round that the machine disturbed least, of every attempt', () => {
    const slow = { ...GOOD, canonical: 5, find_my_way: 9 };
    expect(missed(measured([slow]))).toHaveLength(1);
    expect(missed(measured([slow]), measured([slow, GOOD]))).toEqual([]);
  });

  it('name a peer that is not installed, and do not fail for it', () => {
    const { find_my_way: _, ...without } = GOOD;
    const lines = judgeNormalizer([measured([without])], BUDGETS).map(({ line }) => line);
    expect(missed(measured([without]))).toEqual([]);
    expect(lines.join('\n')).toMatch(/^skipped normalizer\.find_my_way: .*npm ci --prefix bench\/peers/m);
  });
});
