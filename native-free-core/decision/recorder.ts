import type { AuditRecord, OutcomeRecord } from '../audit/event.ts';
import { canonicalContext } from '../policy/context.ts';
import type { BudgetLine } from '../session/budget.ts';
import type { SessionTable } from '../session/table.ts';
import type { Attempt } from './attempt.ts';
import type { MonotonicClock } from './clock.ts';
import type { AbortScope, Decision, DispatchFacts, Reason, Stage, Timings } from './decision.ts';
import type { ConfigParts } from './digests.ts';
import { EventIds } from './event-id.ts';
import type { AuditPort, RandomBytes, Sha256Hex } from './ports.ts';
import type { Prepared } from './prepare.ts';
import { decisionRecord, type RecordOrigin } from './record.ts';

export interface RecorderOptions {
  readonly audit: AuditPort;
  readonly clock: MonotonicClock;
  readonly randomBytes: RandomBytes;
  readonly sha256Hex: Sha256Hex;
  readonly origin: RecordOrigin;
  readonly sessions: SessionTable;
}

/** What an answer says besides its outcome and reason. */
export interface Words {
  readonly detail: string;
  readonly policies: readonly string[];
  readonly remedy: string | undefined;
}

const NOTHING = Object.freeze([]);

function micros(ms: number): number {
  return Math.max(0, Math.round(ms * 1000));
}

/** What ended with a call that was cut: the session, or the call alone. */
function scopeOf(reason: Reason | undefined): AbortScope | undefined {
  if (reason === undefined) return undefined;
  return reason === 'SESSION_ABORTED' ? 'session' : 'call';
}

/** What the call is charged to; of one that found no room, what is left of the budget that refused it. */
function budgetLines({ exceeded, reservation }: Attempt): readonly BudgetLine[] {
  if (reservation !== undefined) return reservation.lines;
  if (exceeded?.remaining === undefined) return NOTHING;
  return [{ name: exceeded.name, charged: 0, remaining: exceeded.remaining }];
}

/** Turns what the stages found into decisions, and decisions into records: exactly one record each. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #eventIds: EventIds;
  #unauthenticated = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#eventIds = new EventIds(options.randomBytes);
  }

  decision(
    attempt: Attempt,
    outcome: Decision['outcome'],
    reason: Reason,
    stage: Stage,
    words: Words,
  ): Decision {
    const { prepared, reservation } = attempt;
    const timings: Timings = {
      normalize: micros(attempt.normalizeMs),
      capability: micros(attempt.capabilityMs),
      policy: micros(attempt.policyMs),
      total: micros(prepared.spentMs + performance.now() - attempt.startedAt),
    };
    return {
      outcome,
      reason,
      stage,
      scope: outcome === 'ABORT' ? 'session' : undefined,
      detail: words.detail,
      remedy: words.remedy,
      eventId: this.#eventIds.next(attempt.nowMs),
      target: prepared.matched?.target,
      envelope: attempt.envelope,
      capability: attempt.capability,
      policies: words.policies,
      budgets: budgetLines(attempt),
      retryAfterS: attempt.exceeded?.retryAfterS,
      timings,
      reservation: reservation?.id,
    };
  }

  /** @returns false where the pipeline does not accept the record: an ALLOW must not leave then */
  record(attempt: Attempt, decision: Decision, eventId: string): boolean {
    const { audit, clock, origin, sessions, sha256Hex } = this.#options;
    const { query } = attempt;
    const contextHash = query === undefined ? undefined : sha256Hex(canonicalContext(query));
    return audit.append(
      decisionRecord(
        origin,
        clock.rfc3339(attempt.nowMs),
        eventId,
        decision,
        attempt.prepared.raw,
        attempt.capability,
        attempt.session ?? sessions.snapshot(attempt.handle, attempt.nowMs),
        contextHash,
        attempt.inForce.configDigest,
      ),
    );
  }

  /** An answer that is no decision: nobody is authenticated, so no session is touched (semantics §3). */
  unauthenticated(reason: Reason, detail: string, prepared: Prepared, startedAt: number): Decision {
    this.#unauthenticated++;
    const normalize = micros(prepared.spentMs);
    return {
      outcome: 'DENY',
      reason,
      stage: reason === 'INTERNAL' || reason === 'OVERLOADED' ? 'operation' : 'capability',
      scope: undefined,
      detail,
      remedy: undefined,
      eventId: undefined,
      target: undefined,
      envelope: undefined,
      capability: undefined,
      policies: NOTHING,
      budgets: NOTHING,
      retryAfterS: undefined,
      timings: {
        normalize,
        capability: 0,
        policy: 0,
        total: micros(prepared.spentMs + performance.now() - startedAt),
      },
      reservation: undefined,
    };
  }

  /** Counts a request that reached no decision at all because its transport named no session. */
  countUnauthenticated(): void {
    this.#unauthenticated++;
  }

  /** Writes what happened after an ALLOW. `committed`: its budgets stay charged. */
  outcome(decision: Decision, facts: DispatchFacts, committed: boolean): void {
    if (decision.eventId === undefined) return;
    const { audit, clock, origin } = this.#options;
    const now = clock.nowMs();
    const record: OutcomeRecord = {
      v: 1,
      kind: 'outcome',
      event_id: this.#eventIds.next(now),
      time: clock.rfc3339(now),
      sidecar_id: origin.sidecarId,
      of: decision.eventId,
      settled: committed ? 'committed' : 'rolled_back',
      bytes_sent: facts.bytesSent,
      bytes_received: facts.bytesReceived,
      latency_us: Math.round(facts.latencyUs),
      status: facts.status,
      injected: facts.injected,
      reason: facts.reason,
      scope: scopeOf(facts.reason),
    };
    audit.append(record);
  }

  /** The `config` record that spells out the digest of the decisions that follow; written before it comes into force. */
  announce(config: string, parts: ConfigParts): void {
    const record: AuditRecord = { ...this.#head(), kind: 'config', config, ...parts };
    this.#options.audit.append(record);
  }

  /** The `summary` record of the requests nobody was authenticated for since the last one. Called every second. */
  summarize(): void {
    const unauthenticated = this.#unauthenticated;
    if (unauthenticated === 0) return;
    if (this.#options.audit.append({ ...this.#head(), kind: 'summary', unauthenticated })) {
      this.#unauthenticated -= unauthenticated;
    }
  }

  #head(): { v: 1; event_id: string; time: string; sidecar_id: string } {
    const { clock, origin } = this.#options;
    const now = clock.nowMs();
    return {
      v: 1,
      event_id: this.#eventIds.next(now),
      time: clock.rfc3339(now),
      sidecar_id: origin.sidecarId,
    };
  }
}
