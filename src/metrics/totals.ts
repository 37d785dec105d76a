import type { Outcome, Reason } from '@firma/core';
import {
  AT,
  BOUNDS_US,
  COUNTED,
  type Counted,
  HISTOGRAM_PLACES,
  OUTCOMES,
  REASONS,
  REGION_PLACES,
  TIMED,
  type Timed,
} from './series.ts';

/** What a sidecar decided since it started. Reasons and outcomes that never occurred are left out. */
export interface CountersSnapshot {
  readonly decisions: number;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  readonly reasons: Readonly<Partial<Record<Reason, number>>>;
}

export interface DecisionCount {
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly count: number;
}

/** One histogram: how many took so long at most and longer than the bound before, the last without a bound. */
export interface Histogram {
  readonly buckets: readonly number[];
  readonly sumUs: number;
}

/** The sums over all threads, taken at once; each thread may be one decision ahead of what is read. */
export class Totals {
  readonly #places = new Float64Array(REGION_PLACES);

  constructor(shared: SharedArrayBuffer) {
    const all = new Float64Array(shared);
    for (let at = 0; at < all.length; at++) {
      const place = at % REGION_PLACES;
      this.#places[place] = (this.#places[place] ?? 0) + (all[at] ?? 0);
    }
  }

  /** Only what occurred. */
  decisions(): DecisionCount[] {
    const found: DecisionCount[] = [];
    for (const [row, outcome] of OUTCOMES.entries()) {
      for (const [column, reason] of REASONS.entries()) {
        const count = this.#places[AT.decisions + row * REASONS.length + column] ?? 0;
        if (count > 0) found.push({ outcome, reason, count });
      }
    }
    return found;
  }

  counter(name: Counted): number {
    return this.#places[AT.counters + COUNTED.indexOf(name)] ?? 0;
  }

  histogram(name: Timed): Histogram {
    const at = AT.histograms + TIMED.indexOf(name) * HISTOGRAM_PLACES;
    return {
      buckets: [...this.#places.subarray(at, at + BOUNDS_US.length + 1)],
      sumUs: this.#places[at + HISTOGRAM_PLACES - 1] ?? 0,
    };
  }

  snapshot(): CountersSnapshot {
    const outcomes: Partial<Record<Outcome, number>> = {};
    const reasons: Partial<Record<Reason, number>> = {};
    let decisions = 0;
    for (const { outcome, reason, count } of this.decisions()) {
      decisions += count;
      outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
      reasons[reason] = (reasons[reason] ?? 0) + count;
    }
    return { decisions, outcomes, reasons };
  }
}
