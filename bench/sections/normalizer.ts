import { each, number, table } from '../figures.ts';
import { measureNormalizer, type NormalizerFigure } from '../micro/normalizer.bench.ts';

const SAMPLES = 100;
const ROWS: readonly (readonly [NormalizerFigure, string, string])[] = [
  ['canonical', '`Normalizer.match`, canonical target', '≤ 800, aim 500'],
  ['rewritten', '`Normalizer.match`, rewritten target', '≤ 4,000'],
  ['trie', 'matching alone: trie', ''],
  ['find_my_way', 'matching alone: find-my-way', '≥ 1.5 times the trie'],
  ['linear', 'matching alone: linear scan', ''],
  ['rules_10', 'trie, 10 rules', ''],
  ['rules_10000', 'trie, 10,000 rules', '≤ 1.5 times 10 rules'],
];

/** Classification on the shipped tables. */
export async function normalizerSection(rounds: number): Promise<readonly string[]> {
  const measured = await measureNormalizer({ rounds, samples: SAMPLES, plantMs: 0, withLinear: true });
  const mediansOf = (figure: NormalizerFigure): readonly number[] =>
    measured.rounds.flatMap(({ medianUs }) => medianUs.get(figure) ?? []).map((us) => us * 1000);
  const trie = Math.min(...mediansOf('trie'));
  const rows = ROWS.map(([figure, what, asked]) => {
    const medians = mediansOf(figure);
    if (medians.length === 0) return [what, 'not installed: `npm ci --prefix bench/peers`', '', '', asked];
    const lowest = Math.min(...medians);
    return [what, number(lowest), each(medians), number(lowest / trie, 2), asked];
  });
  const loads = measured.rounds.map(({ loadMs }) => loadMs);
  return [
    `${number(measured.rules)} rules, ${number(measured.requests)} requests a sample, ${SAMPLES} samples a round. Loading all tables, warm: ` +
      `${each(loads)} ms, ${number(measured.loadedMb, 1)} MB (asked for: ≤ 50 ms, 10 MB).`,
    '',
    ...table(
      ['figure', 'lowest median, ns a request', 'median of each round, ns', 'times the trie', 'asked for'],
      rows,
    ),
  ];
}
