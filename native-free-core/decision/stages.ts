import { checkGrant, checkStanding } from '../capability/check.ts';
import type { CapabilityReason } from '../capability/claims.ts';
import type { RevocationSet } from '../capability/revocation.ts';
import type { Envelope, Refusal } from '../normalizer/envelope.ts';
import type { PolicyEngine, PolicyVerdict } from '../policy/port.ts';
import type { Charge } from '../session/budget.ts';
import type { SessionTable } from '../session/table.ts';
import { Answers, NO_POLICIES } from './answers.ts';
import type { Attempt } from './attempt.ts';
import { chargeOf, chargeWithoutClass } from './charge.ts';
import type { Decision, Reason } from './decision.ts';
import { AMOUNTS_DIFFER, amountsDiffer, passedTarget, policyAnswer } from './outcome.ts';
import { combineVerdicts, policyQuery } from './query.ts';
import type { Sha256Hex } from './ports.ts';
import type { Recorder } from './recorder.ts';
import { Turns } from './turns.ts';

export interface StagesOptions {
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

/** How often an engine is asked about one call whose session goes on doing other things meanwhile. */
const MAX_ASKED = 4;
const NO_BUDGETS = Object.freeze([]);

/**
 * Takes an authenticated call through standing, classification, grant, budgets and Cedar.
 *
 * INVARIANT: from what Cedar is told of a session to what the session counts of the answer, nothing else happens to it. So of two
 * calls of which policies let only one pass, only one passes, whichever threads decide them.
 */
export class Stages {
  readonly #options: StagesOptions;
  readonly #answers: Answers;
  readonly #turns = new Turns();

  constructor(options: StagesOptions) {
    this.#options = options;
    this.#answers = new Answers(options);
  }

  /** @returns at once, or a promise where the engine answers later; undefined where the handle is stale: open again */
  run(attempt: Attempt, body: Uint8Array | undefined): Decision | Promise<Decision> | undefined {
    if (!this.#options.sessions.enter(attempt.handle)) return undefined;
    try {
      return this.#decide(attempt, body);
    } finally {
      this.#leave(attempt);
    }
  }

  /** Denies a call that could not be decided because something here is broken. */
  fail(attempt: Attempt): Decision {
    const isIn = this.#options.sessions.enter(attempt.handle);
    try {
      return this.#answers.fail(attempt);
    } finally {
      if (isIn) this.#leave(attempt);
    }
  }

  /** What the session has open is cut afterwards: who does that calls back. */
  #leave({ capability, ended, handle }: Attempt): void {
    this.#options.sessions.leave(handle);
    if (ended !== undefined) this.#options.onSessionEnd(capability.sessionKey, ended);
  }

  #decide(attempt: Attempt, body: Uint8Array | undefined): Decision | Promise<Decision> {
    const classified = this.#classify(attempt, body);
    const standing = this.#standing(attempt);
    // Known also to the record of a call that its session's end stops.
    if (classified !== undefined && !('refused' in classified)) attempt.envelope = classified;
    if (standing !== undefined) return this.#answers.denyCapability(attempt, standing);
    if (classified === undefined) return this.#answers.fail(attempt);
    if ('refused' in classified) return this.#refused(attempt, classified);

    const { readings } = classified;
    for (let index = 0; index < readings.length; index++) {
      const reading = readings[index];
      if (reading === undefined) continue;
      const refusal = checkGrant(attempt.capability, reading.actionClass.index, reading.resource);
      if (refusal !== undefined) return this.#answers.denyCapability(attempt, refusal);
    }
    attempt.grantedAt = performance.now();
    return this.#policy(attempt, classified, body);
  }

  #classify(attempt: Attempt, body: Uint8Array | undefined): Envelope | Refusal | undefined {
    const { bodyNeed, matched } = attempt.prepared;
    if (matched === undefined || 'refused' in matched) return matched;
    const { normalizer } = attempt.inForce;
    // Only a body takes time that is worth telling apart.
    if (bodyNeed === 'none') return normalizer.envelope(matched, body);
    const before = performance.now();
    const classified = normalizer.envelope(matched, body);
    attempt.bodyMs = performance.now() - before;
    return classified;
  }

  #standing({ capability, handle, nowMs }: Attempt): CapabilityReason | undefined {
    const { revocations, sessions, skewS } = this.#options;
    const aborted = sessions.abortReason(handle) !== undefined;
    return checkStanding(capability, nowMs / 1000, skewS, aborted, revocations);
  }

  #policy(attempt: Attempt, envelope: Envelope, body: Uint8Array | undefined): Decision | Promise<Decision> {
    const { idempotencyHeaders, sha256Hex } = this.#options;
    const { engine } = attempt.inForce;
    if (engine === undefined) {
      return this.#answers.deny(attempt, 'BUNDLE_NOT_READY', 'policy', 'no policy bundle is loaded');
    }
    if (envelope.readings.length > 1 && amountsDiffer(envelope.readings)) {
      return this.#answers.deny(attempt, 'PARAMS_UNREADABLE', 'normalize', AMOUNTS_DIFFER);
    }
    const { bodyNeed, raw } = attempt.prepared;
    const sent = bodyNeed === 'head' ? undefined : body;
    const refused = this.#reserve(
      attempt,
      chargeOf(envelope.readings, raw, sent, idempotencyHeaders, sha256Hex),
    );
    if (refused !== undefined) return refused;
    const verdict = this.#ask(attempt, envelope, engine);
    if (!(verdict instanceof Promise)) return this.#conclude(attempt, verdict);
    return this.#later(attempt, envelope, engine, verdict, this.#options.sessions.revision(attempt.handle));
  }

  /** INVARIANT: the session was entered, and is not left before the answer counts or its revision was read. */
  #ask(attempt: Attempt, envelope: Envelope, engine: PolicyEngine): PolicyVerdict | Promise<PolicyVerdict> {
    const session = this.#options.sessions.snapshot(attempt.handle, attempt.nowMs);
    attempt.session = session;
    const lines = attempt.reservation?.lines ?? NO_BUDGETS;
    const { readings } = envelope;
    const query = policyQuery(envelope, readings[0], attempt.bearer, session, lines, attempt.nowMs);
    attempt.query = query;
    let verdict = engine.evaluate(query);
    for (let index = 1; index < readings.length; index++) {
      const reading = readings[index];
      if (reading === undefined) continue;
      const next = engine.evaluate(
        policyQuery(envelope, reading, attempt.bearer, session, lines, attempt.nowMs),
      );
      verdict =
        verdict instanceof Promise || next instanceof Promise
          ? Promise.all([verdict, next]).then(([left, right]) => combineVerdicts(left, right))
          : combineVerdicts(verdict, next);
    }
    return verdict;
  }

  /**
   * Waits for an engine without holding the session. An answer about a session that did something meanwhile counts for
   * nothing: the engine is asked again, and from then on calls of one session wait for one another.
   */
  async #later(
    attempt: Attempt,
    envelope: Envelope,
    engine: PolicyEngine,
    asked: Promise<PolicyVerdict>,
    revision: number,
  ): Promise<Decision> {
    const first = this.#unlessMoved(attempt, await asked, revision);
    if (first !== undefined) return first;
    const { sessions } = this.#options;
    const turn = await this.#turns.take(attempt.handle);
    try {
      for (let times = 1; times < MAX_ASKED; times++) {
        if (!sessions.enter(attempt.handle)) break;
        let verdict: PolicyVerdict | Promise<PolicyVerdict>;
        let seen: number;
        try {
          verdict = this.#ask(attempt, envelope, engine);
          seen = sessions.revision(attempt.handle);
          if (!(verdict instanceof Promise)) return this.#stillStanding(attempt, verdict);
        } finally {
          this.#leave(attempt);
        }
        const decision = this.#unlessMoved(attempt, await verdict, seen);
        if (decision !== undefined) return decision;
      }
    } finally {
      turn.end();
    }
    return this.#overtaken(attempt);
  }

  /** What an engine answered, as a decision; undefined where the session is another since. */
  #unlessMoved(attempt: Attempt, verdict: PolicyVerdict, revision: number): Decision | undefined {
    const { sessions } = this.#options;
    if (!sessions.enter(attempt.handle)) return undefined;
    try {
      const isSame = sessions.revision(attempt.handle) === revision;
      // Of an ended session nothing needs to be asked again.
      if (!isSame && this.#standing(attempt) === undefined) return undefined;
      return this.#stillStanding(attempt, verdict);
    } finally {
      this.#leave(attempt);
    }
  }

  #stillStanding(attempt: Attempt, verdict: PolicyVerdict): Decision {
    const standing = this.#standing(attempt);
    return standing === undefined
      ? this.#conclude(attempt, verdict)
      : this.#answers.denyCapability(attempt, standing);
  }

  #overtaken(attempt: Attempt): Decision {
    const isIn = this.#options.sessions.enter(attempt.handle);
    try {
      const detail = 'the session went on while this call was judged, again and again';
      return this.#answers.deny(attempt, 'OVERLOADED', 'operation', detail);
    } finally {
      if (isIn) this.#leave(attempt);
    }
  }

  #conclude(attempt: Attempt, verdict: PolicyVerdict): Decision {
    const { outcome, reason, detail, policies, remedy } = policyAnswer(verdict);
    switch (outcome) {
      case 'ALLOW':
        return this.#answers.allow(attempt, reason, detail, policies);
      case 'DENY':
        return this.#answers.deny(attempt, reason, 'policy', detail, policies, remedy);
      case 'ABORT':
        return this.#answers.abort(attempt, reason, detail, policies, remedy);
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
    if (reserved.abort) return this.#answers.abort(attempt, reserved.reason, detail);
    return this.#answers.deny(attempt, reserved.reason, 'policy', detail);
  }

  #refused(attempt: Attempt, refusal: Refusal): Decision {
    const target = passedTarget(refusal, this.#options.defaultProtected);
    if (target === undefined)
      return this.#answers.deny(attempt, refusal.refused, 'normalize', refusal.detail);
    const refused = this.#reserve(attempt, chargeWithoutClass(target.host));
    if (refused !== undefined) return refused;
    const detail = 'no rule matches, and such calls may pass';
    return this.#answers.allow(attempt, 'PASS_THROUGH', detail, NO_POLICIES);
  }
}
