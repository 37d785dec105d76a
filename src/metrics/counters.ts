import type { Outcome, Reason } from '@firma/core';

/** What a sidecar counted since it started. Reasons and outcomes that never occurred are left out. */
export interface CountersSnapshot {
  readonly decisions: number;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  readonly reasons: Readonly<Partial<Record<Reason, number>>>;
}

/** Plain counters. Memory is fixed: outcomes and reasons are closed lists, nothing is counted per agent or host. */
export class Counters {
  readonly #outcomes = new Map<Outcome, number>();
  readonly #reasons = new Map<Reason, number>();
  #decisions = 0;

  decided(outcome: Outcome, reason: Reason): void {
    this.#decisions++;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
  }

  /** A copy: later counting does not change it. */
  snapshot(): CountersSnapshot {
    return {
      decisions: this.#decisions,
      outcomes: Object.fromEntries(this.#outcomes),
      reasons: Object.fromEntries(this.#reasons),
    };
  }
}
