import type { NormalizerBudgets } from './budgets.ts';
import type { NormalizerFigure, NormalizerResult } from './micro/normalizer.bench.ts';

/** One line, and whether what it is about holds its budget. */
export interface Verdict {
  readonly line: string;
  readonly ok: boolean;
}

/**
 * Judges every figure by its lowest median of all rounds, since noise only adds: a ratio is one of two such medians.
 */
export function judgeNormalizer(
  results: readonly NormalizerResult[],
  budgets: NormalizerBudgets,
): readonly Verdict[] {
  const lowest = (figure: NormalizerFigure): number | undefined => {
    const medians = results
      .flatMap(({ rounds }) => rounds)
      .flatMap(({ medianUs }) => medianUs.get(figure) ?? []);
    return medians.length === 0 ? undefined : Math.min(...medians);
  };
  const atMost = (name: string, value: number, limit: number, unit: string): Verdict => {
    const ok = value <= limit;
    return { ok, line: `${word(ok)} normalizer.${name}: ${value.toFixed(2)}${unit}, budget ${limit}${unit}` };
  };
  const ratio = (upper: NormalizerFigure, lower: NormalizerFigure): number =>
    (lowest(upper) ?? Number.NaN) / (lowest(lower) ?? Number.NaN);
  return [
    atMost('canonical', lowest('canonical') ?? Number.NaN, budgets.canonicalUs, ' µs'),
    atMost('rewritten', lowest('rewritten') ?? Number.NaN, budgets.rewrittenUs, ' µs'),
    atMost('rules_10000', ratio('rules_10000', 'rules_10'), budgets.rules10000Over10, ' times 10 rules'),
    peerVerdict(lowest('find_my_way'), lowest('trie'), budgets.findMyWayOverTrie),
    atMost('load, time', Math.min(...results.flatMap(loads)), budgets.loadMs, ' ms'),
    atMost('load, memory', Math.min(...results.map(({ loadedMb }) => loadedMb)), budgets.loadMb, ' MB'),
  ];
}

function loads({ rounds }: NormalizerResult): readonly number[] {
  return rounds.map(({ loadMs }) => loadMs);
}

function word(ok: boolean): string {
  return ok ? 'ok    ' : 'MISSED';
}

/** A peer that is not installed is named, and judged nowhere. */
function peerVerdict(peerUs: number | undefined, trieUs = Number.NaN, least = Number.NaN): Verdict {
  if (peerUs === undefined) {
    return {
      ok: true,
      line: 'skipped normalizer.find_my_way: it is not installed; run `npm ci --prefix bench/peers`',
    };
  }
  const ok = peerUs / trieUs >= least;
  return {
    ok,
    line:
      `${word(ok)} normalizer.find_my_way: ${(peerUs / trieUs).toFixed(2)} times the trie, at least ${least}; ` +
      `${peerUs.toFixed(2)} µs, the trie ${trieUs.toFixed(2)} µs`,
  };
}
