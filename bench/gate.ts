// The latency gate: fails where a budget of `bench/budgets.toml` is missed on the lowest p99 of its rounds, since noise
// only adds. `--plant-ms N` makes every call slower, to see it fail.

import { parseArgs } from 'node:util';
import { readBudgets } from './budgets.ts';
import { type Figure, FIGURES, measureDecisions, type Round } from './micro/decision.bench.ts';

const { values } = parseArgs({
  options: {
    'plant-ms': { type: 'string', default: '0' },
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '2000' },
  },
});

/** One line, and whether the figure holds its budget. */
function judge(figure: Figure, rounds: readonly Round[], budgetMs: number): { line: string; ok: boolean } {
  const p99s = rounds.map((round) => round.p99Ms).sort((left, right) => left - right);
  const medians = rounds.map((round) => round.medianMs).sort((left, right) => left - right);
  const lowest = p99s[0] ?? Number.POSITIVE_INFINITY;
  const median = medians[Math.floor(medians.length / 2)] ?? Number.NaN;
  const ok = lowest <= budgetMs;
  const verdict = ok ? 'ok    ' : 'MISSED';
  const each = p99s.map((ms) => ms.toFixed(3)).join(' ');
  const line = `${verdict} decide.${figure}: p99 ${lowest.toFixed(3)} ms, budget ${budgetMs} ms; median ${median.toFixed(3)} ms; p99 of each round: ${each}`;
  return { line, ok };
}

const { p99Ms } = readBudgets();
const results = await measureDecisions({
  rounds: Number(values.rounds),
  calls: Number(values.calls),
  plantMs: Number(values['plant-ms']),
});
let missed = 0;
for (const figure of FIGURES) {
  const own = results.filter((round) => round.figure === figure);
  const { line, ok } = judge(figure, own, p99Ms[figure]);
  if (!ok) missed++;
  process.stdout.write(`${line}\n`);
}
process.exitCode = missed === 0 ? 0 : 1;
