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
