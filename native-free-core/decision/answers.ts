import type { CapabilityReason } from '../capability/claims.ts';
import type { Envelope } from '../normalizer/envelope.ts';
import type { SessionTable } from '../session/table.ts';
import type { Attempt } from './attempt.ts';
import type { Decision, Reason, Stage } from './decision.ts';
import type { Recorder } from './recorder.ts';

export interface AnswersOptions {
  readonly sessions: SessionTable;
  readonly recorder: Recorder;
}

export const NO_POLICIES: readonly string[] = Object.freeze([]);
/** What the agent is told of a failure here, and no more. */
export const FAILED_DETAIL = 'the decision could not be made';

/** What the agent is told where stage 1 refuses. */
export const CAPABILITY_DETAIL: Readonly<Record<CapabilityReason, string>> = {
  TOKEN_MISSING: 'the call carries no capability token',
  REVOCATIONS_STALE: 'the list of revocations is too old to rely on',
  TOKEN_INVALID: 'the capability token is not valid here',
  TOKEN_NOT_YET_VALID: 'the capability token is not valid yet',
  TOKEN_EXPIRED: 'the capability token has expired',
  SESSION_ABORTED: 'the session was ended; start a new one',
  TOKEN_REVOKED: 'the capability token was revoked',
  ACTION_NOT_GRANTED: 'the capability token does not grant this action class',
  RESOURCE_OUT_OF_SCOPE: 'the resource is outside the scope of the capability token',
};

/** Ends an attempt: what it holds is kept or given back, its session counts it, and exactly one record says so. */
export class Answers {
  readonly #sessions: SessionTable;
  readonly #recorder: Recorder;

  constructor({ recorder, sessions }: AnswersOptions) {
    this.#recorder = recorder;
    this.#sessions = sessions;
  }

  allow(attempt: Attempt, reason: Reason, detail: string, policies: readonly string[]): Decision {
    const decision = this.#recorder.decision(attempt, 'ALLOW', reason, 'policy', detail, policies, undefined);
    if (decision.eventId === undefined || !this.#recorder.record(attempt, decision, decision.eventId)) {
      const why = 'the audit log does not accept records';
      return this.deny(attempt, 'AUDIT_UNAVAILABLE', 'operation', why);
    }
    const readings = attempt.envelope?.readings;
    const classIndex = readings === undefined ? -1 : readings[0].actionClass.index;
    const host = decision.target === undefined ? '' : decision.target.host;
    this.#sessions.countAllow(attempt.handle, classIndex, host, attempt.reservation?.id);
    if (readings !== undefined && readings.length > 1) this.#noteOthers(attempt, readings);
    return decision;
  }

  /** Gives back what the call reserved, records the denial and counts it. It stands even where no record is accepted. */
  deny(
    attempt: Attempt,
    reason: Reason,
    stage: Stage,
    detail: string,
    policies: readonly string[] = NO_POLICIES,
    remedy?: string,
  ): Decision {
    return this.#drop(attempt, 'DENY', reason, stage, detail, policies, remedy);
  }

  denyCapability(attempt: Attempt, reason: CapabilityReason): Decision {
    return this.deny(attempt, reason, 'capability', CAPABILITY_DETAIL[reason]);
  }

  /** Denies a call that could not be decided because something here is broken. */
  fail(attempt: Attempt): Decision {
    return this.deny(attempt, 'INTERNAL', 'operation', FAILED_DETAIL);
  }

  /** Ends the session. What it has open is cut by who sees `attempt.ended`, once the session is left. */
  abort(
    attempt: Attempt,
    reason: Reason,
    detail: string,
    policies: readonly string[] = NO_POLICIES,
    remedy?: string,
  ): Decision {
    const decision = this.#drop(attempt, 'ABORT', reason, 'policy', detail, policies, remedy);
    // Saved in its own time: the session is ended in memory, and a store that fails is told of by the table.
    this.#sessions.abort(attempt.handle, reason)?.catch(() => undefined);
    attempt.ended = reason;
    return decision;
  }

  // INVARIANT: whatever a call can be read as, the session did. Else a stricter reading beside it would hide, say, a read.
  #noteOthers({ handle }: Attempt, readings: Envelope['readings']): void {
    for (let index = 1; index < readings.length; index++) {
      const other = readings[index];
      if (other !== undefined) this.#sessions.noteClass(handle, other.actionClass.index);
    }
  }

  #drop(
    attempt: Attempt,
    outcome: 'DENY' | 'ABORT',
    reason: Reason,
    stage: Stage,
    detail: string,
    policies: readonly string[],
    remedy: string | undefined,
  ): Decision {
    if (attempt.reservation !== undefined) this.#sessions.rollBack(attempt.reservation.id);
    attempt.reservation = undefined;
    const decision = this.#recorder.decision(attempt, outcome, reason, stage, detail, policies, remedy);
    if (decision.eventId !== undefined) this.#recorder.record(attempt, decision, decision.eventId);
    this.#sessions.countDeny(attempt.handle);
    return decision;
  }
}
