import { columns } from '../output.ts';
import type { Baseline, MadeOn } from './baseline-file.ts';
import { QUANTILES, shortUs, type Stage, STAGES } from './figures.ts';
import type { Check } from './judge.ts';
import type { BenchResult } from './run-bench.ts';

/** A result, and what is said around it. */
export interface Report {
  readonly result: BenchResult;
  readonly madeOn: MadeOn;
  readonly baseline: Pick<Baseline, 'madeOn'> | undefined;
}

const SHOWN_RULES = 5;

/** What each stage is, for whoever reads the table. */
const STAGE_MEANING: Readonly<Record<Stage, string>> = {
  normalize: 'target, rule, facts of the body',
  capability: 'token seen before, session, scope',
  policy: 'budgets and Cedar',
  record: 'the decision and its audit line',
  total: 'the whole call',
  verify: 'a token seen for the first time',
};

/** `ok`, `MISSED` or, of what got slower, `SLOWER`. */
export function verdictOf({ kind, ok }: Check): string {
  if (ok) return 'ok';
  return kind === 'budget' ? 'MISSED' : kind === 'regression' ? 'SLOWER' : 'DIFFER';
}

/** What was run, in sentences. */
export function circumstances({ result, madeOn, baseline }: Report): readonly string[] {
  const { answers, calls, changed, positions, rounds, roundMs, samples, without } = result;
  const times = answers.map(([answer, count]) => `${answer} ${count}`).join(', ');
  const shown = without.slice(0, SHOWN_RULES).join(', ');
  const more = without.length > SHOWN_RULES ? ', …' : '';
  return [
    `calls: ${calls}; rules: ${result.rules}; policies: ${result.policies}; budgets: ${result.budgets}; ` +
      `sessions: ${result.sessions}; agents: ${result.agents}`,
    ...(result.declined === 0
      ? []
      : [`policies left to the reference engine, which is slower: ${result.declined}`]),
    ...(without.length === 0
      ? []
      : [`rules that no call was found for: ${without.length} (${shown}${more})`]),
    `a lap of ${positions} calls comes to: ${times}`,
    `${rounds} rounds of about ${roundMs} ms, ${samples} calls each; a figure is the median of the rounds`,
    ...(result.attempts === 1
      ? []
      : [`measured ${result.attempts} times: what is missed counts only where it is missed each time`]),
    `firma ${madeOn.firma}, node ${madeOn.node}, ${madeOn.cpu}`,
    ...(baseline === undefined
      ? []
      : [
          `baseline of firma ${baseline.madeOn.firma}, node ${baseline.madeOn.node}, ${baseline.madeOn.cpu}: ` +
            `run again here in turns with the present configuration; its saved figures are not compared`,
        ]),
    ...(changed === 0
      ? []
      : [`${changed} of ${positions} calls are answered otherwise now, and not compared`]),
  ];
}

/** The table of figures: a header and a row a stage, microseconds. */
export function figureRows({ figures, baselineFigures }: BenchResult): readonly (readonly string[])[] {
  const before = baselineFigures;
  return [
    ['µs', ...QUANTILES, ...(before === undefined ? [] : QUANTILES.map((name) => `${name} before`)), ''],
    ...STAGES.map((stage) => [
      stage,
      ...QUANTILES.map((quantile) => shortUs(figures[stage][quantile])),
      ...(before === undefined
        ? []
        : // Nothing of a configuration has a part in it.
          QUANTILES.map((quantile) => (stage === 'verify' ? '' : shortUs(before[stage][quantile])))),
      STAGE_MEANING[stage],
    ]),
  ];
}

/** All of it for a terminal. */
export function textReport(report: Report): readonly string[] {
  const { result } = report;
  return [
    ...circumstances(report),
    '',
    ...columns(figureRows(result)),
    '',
    ...columns(result.checks.map((check) => [verdictOf(check), check.name, check.detail])),
  ];
}

/** All of it for a program. */
export function jsonReport({ result, madeOn, baseline }: Report): object {
  return {
    ok: result.ok,
    attempts: result.attempts,
    made_on: madeOn,
    baseline_made_on: baseline?.madeOn ?? null,
    calls: result.calls,
    rules: result.rules,
    policies: result.policies,
    declined_policies: result.declined,
    budgets: result.budgets,
    sessions: result.sessions,
    agents: result.agents,
    rules_without_call: result.without,
    answers: Object.fromEntries(result.answers),
    answered_otherwise: result.changed,
    rounds: result.rounds,
    round_ms: result.roundMs,
    calls_a_round: result.samples,
    figures_us: result.figures,
    baseline_figures_us: result.baselineFigures ?? null,
    checks: result.checks.map(({ kind, name, ok, detail, numbers }) => ({
      kind,
      name,
      ok,
      detail,
      ...numbers,
    })),
  };
}
