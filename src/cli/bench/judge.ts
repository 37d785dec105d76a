import type { BudgetLimitUs } from './arguments.ts';
import {
  CALL_STAGES,
  eachOf,
  type Figures,
  medianOf,
  type Quantile,
  QUANTILES,
  type Stage,
  STAGES,
  writtenUs,
} from './figures.ts';
import { COMPARED, type Compared, type Measured, type Round } from './measure.ts';

/** One thing that was asked for, and whether it holds. */
export interface Check {
  readonly kind: 'budget' | 'engines' | 'regression';
  /** `total.p99` */
  readonly name: string;
  readonly ok: boolean;
  /** One sentence with the figures. */
  readonly detail: string;
  readonly numbers: Readonly<Record<string, number>>;
}

export interface RegressionLimits {
  /** 0.1 for 10 %. */
  readonly maxRegression: number;
  /** A smaller difference is none. */
  readonly floorUs: number;
}

/** What is shown: of every figure the median of the rounds. */
export function figuresOf(rounds: readonly Round[]): Figures {
  const figure = (stage: Stage, quantile: Quantile): number =>
    medianOf(rounds.map(({ figures }) => figures[stage][quantile]));
  return eachOf(STAGES, (stage) => eachOf(QUANTILES, (quantile) => figure(stage, quantile)));
}

/** A budget holds where the best round holds it: what else runs on the machine only adds. */
export function judgeBudget({ stage, quantile, limitUs }: BudgetLimitUs, rounds: readonly Round[]): Check {
  const each = rounds.map(({ figures }) => figures[stage][quantile]);
  const bestUs = Math.min(...each);
  const medianUs = medianOf(each);
  return {
    kind: 'budget',
    name: `${stage}.${quantile}`,
    ok: bestUs <= limitUs,
    detail: `${writtenUs(bestUs)} in the best of ${each.length} rounds (median ${writtenUs(medianUs)}), budget ${writtenUs(limitUs)}`,
    numbers: { best_us: bestUs, median_us: medianUs, budget_us: limitUs },
  };
}

function signed(value: number, written: string): string {
  return `${value < 0 ? '-' : '+'}${written}`;
}

function compare(
  name: string,
  before: readonly number[],
  now: readonly number[],
  { maxRegression, floorUs }: RegressionLimits,
): Check {
  const beforeUs = medianOf(before);
  const differenceUs = medianOf(now.map((us, round) => us - (before[round] ?? Number.NaN)));
  // Of a stage that took no time at all, any difference is more than any share.
  const share = differenceUs / Math.max(beforeUs, 0.001);
  const difference = signed(differenceUs, writtenUs(Math.abs(differenceUs)));
  const percent = signed(share, `${Math.abs(share * 100).toFixed(1)} %`);
  return {
    kind: 'regression',
    name,
    // Written so that a figure that is none fails.
    ok: share <= maxRegression || differenceUs <= floorUs,
    detail: `${difference} (${percent}) on ${writtenUs(beforeUs)}; allowed ${+(maxRegression * 100).toFixed(3)} %, or ${writtenUs(floorUs)}`,
    numbers: { before_us: beforeUs, difference_us: differenceUs, share },
  };
}

/** Compares every stage, round by round. */
export function judgeRegressions(
  { present, baseline }: Pick<Measured, 'baseline' | 'present'>,
  limits: RegressionLimits,
): readonly Check[] {
  const typical = (rounds: readonly Round[], stage: (typeof CALL_STAGES)[number], quantile: Compared) =>
    rounds.map((round) => round.typical[stage][quantile]);
  return CALL_STAGES.flatMap((stage) =>
    COMPARED.map((quantile) =>
      compare(
        `${stage}.${quantile}`,
        typical(baseline, stage, quantile),
        typical(present, stage, quantile),
        limits,
      ),
    ),
  );
}

/** The compiled engine must answer as the reference engine does, or what is timed is not what was written. */
export function judgeEngines(differences: number, calls: number): Check {
  return {
    kind: 'engines',
    name: 'compiled engine',
    ok: differences === 0,
    detail:
      differences === 0
        ? `answers all ${calls} calls as the reference engine does`
        : `answers ${differences} queries of ${calls} calls otherwise than the reference engine`,
    numbers: { calls, differences },
  };
}
