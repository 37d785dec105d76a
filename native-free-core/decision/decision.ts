import type { Capability, CapabilityReason } from '../capability/claims.ts';
import type { TokenHandle } from '../capability/token-handle.ts';
import type { CanonicalTarget, Envelope, NormalizerReason } from '../normalizer/envelope.ts';
import type { BudgetLine } from '../session/budget.ts';

export type Outcome = 'ALLOW' | 'DENY' | 'ABORT';

/** Which stage answered. `operation`: overload, audit, readiness; `dispatch`: after ALLOW. */
export type Stage = 'normalize' | 'capability' | 'policy' | 'operation' | 'dispatch';

/** What an ABORT ends: the session, or that call only. */
export type AbortScope = 'session' | 'call';

export type Stage2Reason =
  | 'BUNDLE_NOT_READY'
  | 'BUNDLE_STALE'
  | 'BUDGET_EXCEEDED'
  | 'SESSION_LIMIT'
  | 'POLICY_ABORT'
  | 'POLICY_ERROR'
  | 'POLICY_FORBID'
  | 'POLICY_NO_PERMIT';

export type OperationReason = 'OVERLOADED' | 'AUDIT_UNAVAILABLE' | 'INTERNAL';

/** Reasons of an ABORT with scope `call`: something failed after ALLOW. */
export type DispatchReason =
  | 'DESTINATION_FORBIDDEN'
  | 'CREDENTIAL_UNAVAILABLE'
  | 'PLACEHOLDER_MISUSED'
  | 'UPSTREAM_UNREACHABLE'
  | 'UPSTREAM_TIMEOUT';

export type Reason =
  | 'OK'
  | 'PASS_THROUGH'
  | NormalizerReason
  | CapabilityReason
  | Stage2Reason
  | OperationReason
  | DispatchReason;

/** Microseconds spent; integers. */
export interface Timings {
  readonly normalize: number;
  readonly capability: number;
  readonly policy: number;
  readonly total: number;
}

/** The answer for one call. A denial is this value, never an exception. */
export interface Decision {
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly stage: Stage;
  readonly scope: AbortScope | undefined;
  /** For a person: what happened and to which target. No secret in it. */
  readonly detail: string;
  /** From `@remedy` of the determining policy. */
  readonly remedy: string | undefined;
  /** UUIDv7 of the decision's record; absent where nobody was authenticated, which is no decision (semantics §3). */
  readonly eventId: string | undefined;
  /** What is dispatched on ALLOW; absent where the target could not be read. */
  readonly target: CanonicalTarget | undefined;
  /** Absent where the call could not be classified. */
  readonly envelope: Envelope | undefined;
  readonly capability: Capability | undefined;
  readonly policies: readonly string[];
  readonly budgets: readonly BudgetLine[];
  /** After how many seconds the same call may find room in its budget; absent where waiting does not help. */
  readonly retryAfterS: number | undefined;
  readonly timings: Timings;
  /** Id of what to settle once the call was dispatched or dropped; absent unless outcome is ALLOW. */
  readonly reservation: number | undefined;
}

/** What became of an allowed call. */
export interface DispatchFacts {
  /** Upstream status, where one arrived. */
  readonly status?: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly latencyUs: number;
  /** Label of the credential that was injected. */
  readonly injected?: string;
  /** Set where the call failed after ALLOW or was cut. */
  readonly reason?: Reason;
}

/** Who calls: a token and, where the transport itself knows more, whose token it has to be. */
export interface Caller {
  readonly token?: string | undefined;
  /** In place of the token, which is not looked at then. */
  readonly handle?: TokenHandle | undefined;
  /** The session that the transport knows the call to be of. */
  readonly session?: { readonly sid: string; readonly sub: string } | undefined;
  /** The agent that the request says it is. */
  readonly subject?: string | undefined;
  /** Whoever sent the call, as far as the transport knows: one source has only its share of token verifications. */
  readonly source?: string | undefined;
}
