import type { BudgetLimit } from '../registry/budget-limit.ts';
import type { ClassSet } from '../registry/classes.ts';
import type { ScopeMatcher } from '../registry/scope.ts';

/** What was looked at cannot be used, and why: shown to the agent, so never a claim's value. */
export interface Invalid {
  readonly invalid: string;
}

/** A budget rule a token carries: counted on the session as `token/<name>` (semantics §3, §5). */
export type TokenBudget = BudgetLimit;

/** The claims of a capability token, checked for type and bound. Seconds are Unix time. */
export interface Claims {
  readonly iss: string;
  readonly aud: string;
  readonly sub: string;
  readonly groups: readonly string[];
  readonly sid: string;
  readonly jti: string;
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  readonly actionSet: readonly string[];
  readonly resourceScope: readonly string[];
  readonly budgets: readonly TokenBudget[];
  readonly contextHash: string;
}

/** Compiles a token's `resource_scope`; the grammar is the normalizer's (semantics §2), so it is passed in. */
export type CompileScope = (patterns: readonly string[]) => ScopeMatcher | Invalid;

/** One verified token, ready for the hot path. */
export interface Capability {
  readonly claims: Claims;
  readonly actions: ClassSet;
  readonly scope: ScopeMatcher;
  /** `iss`, `sub` and `sid` joined: what session state hangs on. */
  readonly sessionKey: string;
}

/** Why stage 1 refused, in the order the checks are made. */
export type CapabilityReason =
  | 'TOKEN_MISSING'
  | 'REVOCATIONS_STALE'
  | 'TOKEN_INVALID'
  | 'TOKEN_NOT_YET_VALID'
  | 'TOKEN_EXPIRED'
  | 'SESSION_ABORTED'
  | 'TOKEN_REVOKED'
  | 'ACTION_NOT_GRANTED'
  | 'RESOURCE_OUT_OF_SCOPE';
