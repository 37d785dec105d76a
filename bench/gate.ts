// The latency gate: fails where a budget of `bench/budgets.toml` is missed on the lowest p99 of its rounds, since noise
// only adds. `--plant-ms N` makes every call slower, to see it fail.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigInvalid, parseToml } from '@firma/core';
import { shippedPath } from '../src/config/package-root.ts';
import { type Figure, FIGURES, measureDecisions, type Round } from './micro/decision.bench.ts';

const { values } = parseArgs({
  options: {
    'plant-ms': { type: 'string', default: '0' },
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '2000' },
  },
});

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** The p99 budgets in milliseconds, by figure. */
function readBudgets(): ReadonlyMap<string, number> {
  const file = shippedPath('bench/budgets.toml');
  const { value, locate } = parseToml(
    readFileSync(file, 'utf8'),
    file,
    (message, at) => new ConfigInvalid(message, at),
  );
  const decide = isTable(value['decide']) ? value['decide'] : {};
  const budgets = new Map<string, number>();
  for (const [name, entry] of Object.entries(decide)) {
    const limit = isTable(entry) ? entry['p99_ms'] : undefined;
    if (typeof limit !== 'number' || !FIGURES.some((figure) => figure === name)) {
      throw new ConfigInvalid(`\`[decide.${name}]\` is no figure with \`p99_ms\``, locate(['decide', name]));
    }
    budgets.set(name, limit);
  }
  if (budgets.size === 0) throw new ConfigInvalid('there is no budget to hold', { file });
  return budgets;
}

/** One line, and whether the figure holds its budget. */
function judge(
  figure: Figure,
  rounds: readonly Round[],
  budgetMs: number | undefined,
): { line: string; ok: boolean } {
  const p99s = rounds.map((round) => round.p99Ms).sort((left, right) => left - right);
  const medians = rounds.map((round) => round.medianMs).sort((left, right) => left - right);
  const lowest = p99s[0] ?? Number.POSITIVE_INFINITY;
  const median = medians[Math.floor(medians.length / 2)] ?? Number.NaN;
  const ok = budgetMs === undefined || lowest <= budgetMs;
  const verdict = budgetMs === undefined ? '      ' : ok ? 'ok    ' : 'MISSED';
  const budget = budgetMs === undefined ? 'no budget' : `budget ${budgetMs} ms`;
  const each = p99s.map((ms) => ms.toFixed(3)).join(' ');
  const line = `${verdict} decide.${figure}: p99 ${lowest.toFixed(3)} ms, ${budget}; median ${median.toFixed(3)} ms; p99 of each round: ${each}`;
  return { line, ok };
}

const budgets = readBudgets();
const results = await measureDecisions({
  rounds: Number(values.rounds),
  calls: Number(values.calls),
  plantMs: Number(values['plant-ms']),
});
let missed = 0;
for (const figure of FIGURES) {
  const own = results.filter((round) => round.figure === figure);
  const { line, ok } = judge(figure, own, budgets.get(figure));
  if (!ok) missed++;
  process.stdout.write(`${line}\n`);
}
process.exitCode = missed === 0 ? 0 : 1;
