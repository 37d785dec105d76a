import type { BudgetLimit } from '../registry/budget-limit.ts';
import type { ClassSet } from '../registry/classes.ts';
import type { HostMatch } from '../registry/host-match.ts';

export type { BudgetLimit } from '../registry/budget-limit.ts';

/** What a rule counts: calls, minor units of a currency, body bytes both ways, or calls open at once. */
export type BudgetKind = 'calls' | 'amount' | 'bytes' | 'in_flight';

/** One budget rule, checked and compiled (semantics §5). Frozen. */
export interface BudgetRule {
  /** `token/<name>` for a rule of a token. */
  readonly name: string;
  readonly match: ClassSet;
  readonly kind: BudgetKind;
  /** Calls, minor units, bytes or open calls; 0 lets nothing through. At most 2^53-1. */
  readonly limit: number;
  /** Lower case; set exactly where `kind` is `amount`. */
  readonly currency: string | undefined;
  /** Whose counter it is. A rule of a token is the session's. */
  readonly per: 'session' | 'agent' | 'sidecar';
  /** Length of the sliding window; undefined: as long as the account lives. Never with `in_flight`. */
  readonly windowMs: number | undefined;
  /** Counts the calls of this agent (exact `sub`) alone. */
  readonly agent: string | undefined;
  /** Counts the calls to these hosts alone. */
  readonly host: HostMatch | undefined;
  readonly onExceed: 'deny' | 'abort';
  /** Lower-case name of the header whose value makes a repeated call free; only for `calls` and `amount`. */
  readonly idempotencyHeader: string | undefined;
}

/** What one call would use. `amount` and `currency` are absent where the rule of the call declares none. */
export interface Charge {
  /** `ActionClassInfo.index`; -1 for a call without a class, which no budget counts. */
  readonly classIndex: number;
  /** Classes that the call may have besides: a budget of any of them counts it too. Nearly always empty. */
  readonly otherClasses: readonly number[];
  readonly amount: number | undefined;
  readonly currency: string | undefined;
  /** In canonical form, without a port. */
  readonly host: string;
  /** The header, in lower case, that the call carries an idempotency key in; undefined with `idempotency`. */
  readonly idempotencyHeader: string | undefined;
  /** Digest of the key and the request; undefined where the call has none that can be relied on. */
  readonly idempotency: string | undefined;
}

/** A budget's line in a decision and its record: what this call uses and what remains after it. */
export interface BudgetLine {
  readonly name: string;
  readonly charged: number;
  readonly remaining: number;
}

/** Why a call got no reservation. */
export interface Exceeded {
  readonly reason: 'BUDGET_EXCEEDED' | 'SESSION_LIMIT';
  /** Of the budget; for SESSION_LIMIT `hosts` or `calls_in_flight`. */
  readonly name: string;
  /** The budget ends the session, and committed use alone leaves no room for this call. */
  readonly abort: boolean;
  /** Of that budget, before this call. */
  readonly remaining: number | undefined;
  /** Seconds, at least 1, after which a window or another call's reservation may have freed some. */
  readonly retryAfterS: number | undefined;
}

/** What is held for one call until it is committed or rolled back. */
export interface Reservation {
  readonly id: number;
  /** The budgets this call is charged to, with what remains of each after it. */
  readonly lines: readonly BudgetLine[];
}

/** A `[[sidecar.budgets]]` entry. */
export interface BudgetInput extends BudgetLimit {
  /** An exact `sub`. */
  readonly agent?: string | undefined;
  /** `session` where absent. */
  readonly per?: BudgetRule['per'] | undefined;
  readonly onExceed: BudgetRule['onExceed'];
}
