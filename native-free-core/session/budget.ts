import type { ClassSet } from '../registry/classes.ts';

/** One budget rule, checked and compiled (semantics §5). */
export interface BudgetRule {
  readonly name: string;
  readonly match: ClassSet;
  /** Exactly one of the two is set. Amounts are in minor units. */
  readonly maxCalls: number | undefined;
  readonly maxAmount: number | undefined;
  /** Lower case; set with `maxAmount`. */
  readonly currency: string | undefined;
  readonly onExceed: 'deny' | 'abort';
}

/** What one call would use. `amount` and `currency` are absent where the rule of the call declares none. */
export interface Charge {
  readonly classIndex: number;
  readonly amount: number | undefined;
  readonly currency: string | undefined;
}

/** A budget's line in a decision and its record. */
export interface BudgetLine {
  readonly name: string;
  readonly charged: number;
  readonly remaining: number;
}

/** A limit as it is written, in `firma.toml` or in a token: `match` holds classes or categories (`payment.*`). */
export interface BudgetLimit {
  readonly name: string;
  readonly match: readonly string[];
  readonly maxCalls?: number | undefined;
  /** Minor units; with `currency`. */
  readonly maxAmount?: number | undefined;
  readonly currency?: string | undefined;
}

/** A `[[sidecar.budgets]]` entry. */
export interface BudgetInput extends BudgetLimit {
  readonly onExceed: 'deny' | 'abort';
}

/** Why a call got no reservation. */
export interface Exceeded {
  readonly reason: 'BUDGET_EXCEEDED' | 'SESSION_LIMIT';
  /** Of the budget; for SESSION_LIMIT `hosts` or `calls_in_flight`. */
  readonly name: string;
  /** The budget ends the session, and committed use alone leaves no room for this call. */
  readonly abort: boolean;
}

/** What is held for one call until it is committed or rolled back. */
export interface Reservation {
  readonly id: number;
  /** The budgets this call is charged to, with what remains of each after it. */
  readonly lines: readonly BudgetLine[];
}
