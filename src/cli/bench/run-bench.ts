import { Usage } from '@firma/core';
import type { BudgetLimitUs, Planted } from './arguments.ts';
import type { Baseline } from './baseline-file.ts';
import type { BenchConfig } from './configuration.ts';
import type { Figures } from './figures.ts';
import {
  type Check,
  figuresOf,
  judgeBudget,
  judgeEngines,
  judgeRegressions,
  type RegressionLimits,
} from './judge.ts';
import { Lane } from './lane.ts';
import { measure } from './measure.ts';
import { principalsOf } from './principals.ts';
import { type BenchCall, callsOfRules } from './rule-calls.ts';
import { scheduleOf } from './schedule.ts';
import { Side } from './side.ts';
import { BenchIssuer } from './tokens.ts';

export interface BenchOptions extends RegressionLimits {
  readonly config: BenchConfig;
  /** Absent: nothing is compared. */
  readonly baseline?: Baseline | undefined;
  /** In place of the calls that the tables give. */
  readonly requests?: readonly BenchCall[] | undefined;
  readonly budgets: readonly BudgetLimitUs[];
  /** Of what is timed, for each configuration. */
  readonly durationMs: number;
  readonly seed: number;
  /** 1 to 1000. */
  readonly sessions: number;
  /** How often what is missed is measured, at most. */
  readonly attempts: number;
  /** Of the present configuration alone. */
  readonly planted?: Planted | undefined;
}

export interface BenchResult {
  readonly ok: boolean;
  /** How often it was measured; the figures are of the last time. */
  readonly attempts: number;
  readonly figures: Figures;
  /** Of the baseline in this run; undefined without one. */
  readonly baselineFigures: Figures | undefined;
  readonly checks: readonly Check[];
  readonly calls: number;
  readonly sessions: number;
  readonly agents: number;
  readonly rules: number;
  readonly policies: number;
  /** Of them, those that the compiled engine leaves to the reference engine. */
  readonly declined: number;
  readonly budgets: number;
  /** `file:line` of rules that no call was found for; empty where the calls were given. */
  readonly without: readonly string[];
  /** How many of the calls of a lap are answered so, the most frequent first. */
  readonly answers: readonly (readonly [string, number])[];
  /** Calls of a lap that the baseline answers otherwise: they are not compared. */
  readonly changed: number;
  readonly positions: number;
  readonly rounds: number;
  readonly roundMs: number;
  /** Calls timed a round. */
  readonly samples: number;
}

function countsOf(answers: readonly string[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [...counts].sort(([, left], [, right]) => right - left);
}

function callsFor(
  side: Side,
  given: readonly BenchCall[] | undefined,
): {
  readonly calls: readonly BenchCall[];
  readonly without: readonly string[];
} {
  if (given !== undefined) return { calls: given, without: [] };
  const found = callsOfRules(side.mappings);
  if (found.calls.length > 0) return found;
  throw new Usage('the mapping tables give no call to time; name some with `--requests FILE`');
}

/**
 * Runs the present configuration, and in turns with it the baseline's, and judges what came. What is missed is measured
 * again, from the start: it counts as missed only where it is each time.
 */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  let result = await attempt(options, false);
  let attempts = 1;
  const isWorthIt = (): boolean => result.checks.some(({ kind, ok }) => !ok && kind !== 'engines');
  for (; attempts < options.attempts && isWorthIt(); attempts++) {
    // Which configuration is loaded first may itself make a difference.
    const next = await attempt(options, attempts % 2 === 1);
    const checks = next.checks.map((check, index) => {
      const before = result.checks[index];
      // Two engines that differ once, differ.
      if (before === undefined) return check;
      if (check.kind === 'engines') return before.ok ? check : before;
      return before.ok ? before : check;
    });
    result = { ...next, checks, ok: checks.every(({ ok }) => ok) };
  }
  return { ...result, attempts };
}

async function attempt(options: BenchOptions, isPresentLast: boolean): Promise<BenchResult> {
  const issuer = await BenchIssuer.open();
  // A lap takes a fraction of a second of its own clock: begun with a second, it meets no other minute, hour or day.
  const startMs = Math.floor(Date.now() / 1000) * 1000;
  const sides: Side[] = [];
  const open = async (config: BenchConfig, planted?: Planted): Promise<Side> => {
    const side = await Side.open(config, { issuer, startMs, planted });
    sides.push(side);
    return side;
  };
  const { baseline, config, planted } = options;
  try {
    const early = isPresentLast && baseline !== undefined ? await open(baseline.config) : undefined;
    const present = await open(config, planted);
    const before = early ?? (baseline === undefined ? undefined : await open(baseline.config));
    return await run(present, before, issuer, startMs, options);
  } finally {
    for (const side of sides) side.close();
  }
}

async function run(
  present: Side,
  before: Side | undefined,
  issuer: BenchIssuer,
  startMs: number,
  options: BenchOptions,
): Promise<BenchResult> {
  const { calls, without } = callsFor(present, options.requests);
  const schedule = scheduleOf(calls, options.sessions, options.seed);
  const principals = principalsOf(present.bundle, options.config.budgets, options.sessions);
  const tokens = principals.map((principal) => issuer.issue(principal, startMs));
  const lane = new Lane(present, schedule, tokens);
  const differences = await lane.learn(startMs);
  const baselineLane = before === undefined ? undefined : new Lane(before, schedule, tokens);
  await baselineLane?.learn(startMs);

  const changed = lane.answers.filter(
    (answer, position) => baselineLane !== undefined && baselineLane.answers[position] !== answer,
  ).length;
  if (changed === lane.answers.length) {
    throw new Usage('the baseline answers every call otherwise, so nothing compares; save a new one');
  }
  const measured = await measure(lane, baselineLane, {
    durationMs: options.durationMs,
    issuer,
    tokens,
    startMs,
  });
  const checks = [
    judgeEngines(differences, schedule.calls.length),
    ...options.budgets.map((budget) => judgeBudget(budget, measured.present)),
    ...(baselineLane === undefined ? [] : judgeRegressions(measured, options)),
  ];
  return {
    ok: checks.every(({ ok }) => ok),
    attempts: 1,
    figures: figuresOf(measured.present),
    baselineFigures: baselineLane === undefined ? undefined : figuresOf(measured.baseline),
    checks,
    calls: schedule.calls.length,
    sessions: options.sessions,
    agents: new Set(principals.map(({ agent }) => agent)).size,
    rules: present.mappings.rules.length,
    policies: present.bundle.policies.length,
    declined: present.bundle.policies.filter(({ lowered }) => 'declined' in lowered).length,
    budgets: options.config.budgets.length,
    without,
    answers: countsOf(lane.answers),
    changed,
    positions: lane.answers.length,
    rounds: measured.present.length,
    roundMs: measured.roundMs,
    samples: measured.samples,
  };
}
