// All figures, as a Markdown table on standard output: what `bench/RESULTS.md` is made from.

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { FIGURES, measureDecisions } from './micro/decision.bench.ts';

const ROUNDS = 5;

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

const results = await measureDecisions({ rounds: ROUNDS, calls: 2000, plantMs: 0 });
const lines = [
  `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}, commit ${commit()}.`,
  '',
  '| figure | samples a round | median, middle round | median, all rounds | p99, lowest round | p99 - machine noise, all rounds |',
  '|---|---|---|---|---|---|',
];
for (const figure of FIGURES) {
  const rounds = results.filter((round) => round.figure === figure);
  const medians = rounds.map((round) => round.medianMs * 1000).sort((left, right) => left - right);
  const p99s = rounds.map((round) => round.p99Ms * 1000);
  const withNoise = rounds.map(
    ({ p99Ms, noiseMs }) => `${(p99Ms * 1000).toFixed(0)}-${(noiseMs * 1000).toFixed(0)}`,
  );
  const spread = (values: readonly number[]): string => values.map((value) => value.toFixed(0)).join(' ');
  lines.push(
    `| decide, ${figure} | ${rounds[0]?.samples ?? 0} | ${medians[Math.floor(ROUNDS / 2)]?.toFixed(0) ?? '-'} µs | ` +
      `${spread(medians)} | ${Math.min(...p99s).toFixed(0)} µs | ${withNoise.join(' ')} |`,
  );
}
process.stdout.write(`${lines.join('\n')}\n`);
