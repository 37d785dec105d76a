import { checkGrant, checkStanding } from '../capability/check.ts';
import type { CapabilityReason } from '../capability/claims.ts';
import type { RevocationSet } from '../capability/revocation.ts';
import type { Envelope, Refusal } from '../normalizer/envelope.ts';
import type { Normalizer } from '../normalizer/normalizer.ts';
import type { PolicyEngine, PolicyVerdict } from '../policy/port.ts';
import type { Charge } from '../session/budget.ts';
import type { SessionTable } from '../session/table.ts';
import type { Attempt } from './attempt.ts';
import { chargeOf, chargeWithoutClass } from './charge.ts';
import type { Decision, Reason, Stage } from './decision.ts';
import { AMOUNTS_DIFFER, amountsDiffer, passedTarget, policyAnswer } from './outcome.ts';
import { combineVerdicts, policyQuery } from './query.ts';
import type { Sha256Hex } from './ports.ts';
import type { Recorder } from './recorder.ts';

export interface StagesOptions {
  readonly normalizer: Normalizer;
  /** False lets a call that no rule matches pass without policy and credential (semantics §2). */
  readonly defaultProtected: boolean;
  readonly revocations: RevocationSet;
  readonly skewS: number;
  readonly sessions: SessionTable;
  readonly recorder: Recorder;
  /** Told once a session ended, so that its open transports are cut. */
  readonly onSessionEnd: (sessionKey: string, reason: Reason) => void;
  /** Of the budget rules: lower-case names of the headers that make a repeated call free. */
  readonly idempotencyHeaders: readonly string[];
  readonly sha256Hex: Sha256Hex;
}

const NO_POLICIES: readonly string[] = Object.freeze([]);
const NO_BUDGETS = Object.freeze([]);
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

/** Takes an authenticated call through standing, classification, grant, budgets and Cedar. */
export class Stages {
  readonly #options: StagesOptions;

  constructor(options: StagesOptions) {
    this.#options = options;
  }

  /** @returns at once, or a promise where the engine answers later */
  run(attempt: Attempt, body: Uint8Array | undefined): Decision | Promise<Decision> {
    const { normalizer, sessions, revocations, skewS } = this.#options;
    const before = performance.now();
    const matched = attempt.prepared.matched;
    const classified =
      matched === undefined || 'refused' in matched ? matched : normalizer.envelope(matched, body);
    const normalized = performance.now();
    attempt.normalizeMs += normalized - before;

    const standing = checkStanding(attempt.capability, {
      nowS: attempt.nowMs / 1000,
      skewS,
      aborted: sessions.abortReason(attempt.handle) !== undefined,
      revocations,
    });
    // Known also to the record of a call that its session's end stops.
    if (classified !== undefined && !('refused' in classified)) attempt.envelope = classified;
    if (standing !== undefined) return this.#denyCapability(attempt, standing);
    if (classified === undefined) return this.fail(attempt);
    if ('refused' in classified) return this.#refused(attempt, classified);

    for (const reading of classified.readings) {
      const refusal = checkGrant(attempt.capability, reading.actionClass.index, reading.resource);
      if (refusal !== undefined) return this.#denyCapability(attempt, refusal);
    }
    attempt.capabilityMs = performance.now() - normalized;
    return this.#policy(attempt, classified, body);
  }

  #policy(attempt: Attempt, envelope: Envelope, body: Uint8Array | undefined): Decision | Promise<Decision> {
    const { idempotencyHeaders, sessions, sha256Hex } = this.#options;
    const { engine } = attempt.inForce;
    if (engine === undefined) {
      return this.deny(attempt, 'BUNDLE_NOT_READY', 'policy', 'no policy bundle is loaded');
    }
    const startedAt = performance.now();
    if (amountsDiffer(envelope.readings)) {
      return this.deny(attempt, 'PARAMS_UNREADABLE', 'normalize', AMOUNTS_DIFFER);
    }
    const { bodyNeed, raw } = attempt.prepared;
    const sent = { raw, body: bodyNeed === 'head' ? undefined : body };
    const refused = this.#reserve(attempt, chargeOf(envelope.readings, sent, idempotencyHeaders, sha256Hex));
    attempt.policyMs = performance.now() - startedAt;
    if (refused !== undefined) return refused;
    attempt.session = sessions.snapshot(attempt.handle, attempt.nowMs);
    const verdict = this.#ask(attempt, envelope, engine);
    if (verdict instanceof Promise) {
      return verdict.then((answer) => this.#concludeLater(attempt, answer, startedAt));
    }
    return this.#conclude(attempt, verdict, startedAt);
  }

  #ask(attempt: Attempt, envelope: Envelope, engine: PolicyEngine): PolicyVerdict | Promise<PolicyVerdict> {
    const session = attempt.session ?? this.#options.sessions.snapshot(attempt.handle, attempt.nowMs);
    const lines = attempt.reservation?.lines ?? NO_BUDGETS;
    const { readings } = envelope;
    const query = policyQuery(envelope, readings[0], attempt.capability, session, lines, attempt.nowMs);
    attempt.query = query;
    let verdict = engine.evaluate(query);
    for (let index = 1; index < readings.length; index++) {
      const reading = readings[index];
      if (reading === undefined) continue;
      const next = engine.evaluate(
        policyQuery(envelope, reading, attempt.capability, session, lines, attempt.nowMs),
      );
      verdict =
        verdict instanceof Promise || next instanceof Promise
          ? Promise.all([verdict, next]).then(([left, right]) => combineVerdicts(left, right))
          : combineVerdicts(verdict, next);
    }
    return verdict;
  }

  #concludeLater(attempt: Attempt, verdict: PolicyVerdict, startedAt: number): Decision {
    // The session may have ended while the engine was asked.
    if (this.#options.sessions.abortReason(attempt.handle) !== undefined) {
      return this.#denyCapability(attempt, 'SESSION_ABORTED');
    }
    return this.#conclude(attempt, verdict, startedAt);
  }

  #conclude(attempt: Attempt, verdict: PolicyVerdict, startedAt: number): Decision {
    attempt.policyMs = performance.now() - startedAt;
    const { outcome, reason, detail, policies, remedy } = policyAnswer(verdict);
    switch (outcome) {
      case 'ALLOW':
        return this.#allow(attempt, reason, detail, policies);
      case 'DENY':
        return this.deny(attempt, reason, 'policy', detail, policies, remedy);
      case 'ABORT':
        return this.#abort(attempt, reason, detail, policies, remedy);
    }
  }

  /** Holds the budgets of a call. @returns the refusal where there is no room */
  #reserve(attempt: Attempt, charge: Charge): Decision | undefined {
    const reserved = this.#options.sessions.reserve(attempt.handle, charge);
    if (!('reason' in reserved)) {
      attempt.reservation = reserved;
      return undefined;
    }
    attempt.exceeded = reserved;
    const detail =
      reserved.reason === 'SESSION_LIMIT'
        ? `the session is at its limit of \`${reserved.name}\``
        : `budget \`${reserved.name}\` has no room for this call`;
    if (reserved.abort) return this.#abort(attempt, reserved.reason, detail);
    return this.deny(attempt, reserved.reason, 'policy', detail);
  }

  #refused(attempt: Attempt, refusal: Refusal): Decision {
    const target = passedTarget(refusal, this.#options.defaultProtected);
    if (target === undefined) return this.deny(attempt, refusal.refused, 'normalize', refusal.detail);
    const refused = this.#reserve(attempt, chargeWithoutClass(target.host));
    return (
      refused ?? this.#allow(attempt, 'PASS_THROUGH', 'no rule matches, and such calls may pass', NO_POLICIES)
    );
  }

  #allow(attempt: Attempt, reason: Reason, detail: string, policies: readonly string[]): Decision {
    const { recorder, sessions } = this.#options;
    const words = { detail, policies, remedy: undefined };
    const decision = recorder.decision(attempt, 'ALLOW', reason, 'policy', words);
    if (decision.eventId === undefined || !recorder.record(attempt, decision, decision.eventId)) {
      const why = 'the audit log does not accept records';
      return this.deny(attempt, 'AUDIT_UNAVAILABLE', 'operation', why);
    }
    const readings = attempt.envelope?.readings;
    const classIndex = readings === undefined ? -1 : readings[0].actionClass.index;
    const host = decision.target === undefined ? '' : decision.target.host;
    sessions.countAllow(attempt.handle, classIndex, host, attempt.reservation?.id);
    if (readings !== undefined) this.#noteOthers(attempt, readings);
    return decision;
  }

  // INVARIANT: whatever a call can be read as, the session did. Else a stricter reading beside it would hide, say, a read.
  #noteOthers({ handle }: Attempt, readings: Envelope['readings']): void {
    for (let index = 1; index < readings.length; index++) {
      const other = readings[index];
      if (other !== undefined) this.#options.sessions.noteClass(handle, other.actionClass.index);
    }
  }

  #denyCapability(attempt: Attempt, reason: CapabilityReason): Decision {
    return this.deny(attempt, reason, 'capability', CAPABILITY_DETAIL[reason]);
  }

  /** Denies a call that could not be decided because something here is broken. */
  fail(attempt: Attempt): Decision {
    return this.deny(attempt, 'INTERNAL', 'operation', FAILED_DETAIL);
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

  #abort(
    attempt: Attempt,
    reason: Reason,
    detail: string,
    policies: readonly string[] = NO_POLICIES,
    remedy?: string,
  ): Decision {
    const decision = this.#drop(attempt, 'ABORT', reason, 'policy', detail, policies, remedy);
    // Saved in its own time: the session is ended in memory, and a store that fails is told of by the table.
    this.#options.sessions.abort(attempt.handle, reason)?.catch(() => undefined);
    this.#options.onSessionEnd(attempt.capability.sessionKey, reason);
    return decision;
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
    const { recorder, sessions } = this.#options;
    if (attempt.reservation !== undefined) sessions.rollBack(attempt.reservation.id);
    attempt.reservation = undefined;
    const decision = recorder.decision(attempt, outcome, reason, stage, { detail, policies, remedy });
    if (decision.eventId !== undefined) recorder.record(attempt, decision, decision.eventId);
    sessions.countDeny(attempt.handle);
    return decision;
  }
}
