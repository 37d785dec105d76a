import { each, median, number, table } from '../figures.ts';
import { inProcessLines, measureInProcess } from '../micro/in-process.bench.ts';
import { type Figure, FIGURES, measureDecisions } from '../micro/decision.bench.ts';

const CALLS = 2000;
const IN_PROCESS_CALLS = 5000;
const ASKED: Readonly<Record<Figure, string>> = {
  warm: 'median < 100, p99 ≤ 100',
  cold_token: 'p99 ≤ 1,000',
};

/** One decision in process. */
export async function decisionSection(rounds: number): Promise<readonly string[]> {
  const results = await measureDecisions({ rounds, calls: CALLS, plantMs: 0 });
  const rows = FIGURES.map((figure) => {
    const own = results.filter((round) => round.figure === figure);
    const medians = own.map(({ medianMs }) => medianMs * 1000);
    const p99s = own.map(({ p99Ms, noiseMs }) => `${number(p99Ms * 1000)}-${number(noiseMs * 1000)}`);
    return [figure, number(median(medians)), each(medians), p99s.join(' '), ASKED[figure]];
  });
  return [
    `${rounds} rounds of ${number(CALLS)} calls.`,
    '',
    ...table(
      [
        'figure',
        'median, µs',
        'of each round',
        "p99 of each round less the machine's noise, µs",
        'asked for',
      ],
      rows,
    ),
    '',
    ...inProcessLines(await measureInProcess(rounds, IN_PROCESS_CALLS)),
  ];
}
