import type { AuditRecord, OutcomeRecord } from '../audit/event.ts';
import type { BudgetLine } from '../session/budget.ts';
import type { SessionTable } from '../session/table.ts';
import type { Attempt } from './attempt.ts';
import type { MonotonicClock } from './clock.ts';
import type { AbortScope, Decision, DispatchFacts, Reason, Stage, Timings } from './decision.ts';
import type { ConfigParts } from './digests.ts';
import { EventIds } from './event-id.ts';
import type { AuditPort, RandomBytes, Sha256Hex } from './ports.ts';
import { type Prepared, preparedMs } from './prepare.ts';
import { PendingRecord, RecordWriter } from './record-writer.ts';

/** What every record of this sidecar starts with. */
export interface RecordOrigin {
  readonly sidecarId: string;
}

export interface RecorderOptions {
  readonly audit: AuditPort;
  readonly clock: MonotonicClock;
  readonly randomBytes: RandomBytes;
  readonly sha256Hex: Sha256Hex;
  readonly origin: RecordOrigin;
  readonly sessions: SessionTable;
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

/** INVARIANT: asked as the answer is there, so everything since the grant was stage 2. */
function timingsOf({ bodyMs, grantedAt, prepared, startedAt }: Attempt): Timings {
  const now = performance.now();
  const beforeMs = preparedMs(prepared, startedAt);
  return {
    normalize: micros(beforeMs + bodyMs),
    capability: micros((grantedAt === 0 ? now : grantedAt) - startedAt - bodyMs),
    policy: grantedAt === 0 ? 0 : micros(now - grantedAt),
    total: micros(beforeMs + now - startedAt),
  };
}

/** Turns what the stages found into decisions, and decisions into records: exactly one record each. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #eventIds: EventIds;
  readonly #writer: RecordWriter;
  #unauthenticated = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#eventIds = new EventIds(options.randomBytes);
    const { clock, origin, sha256Hex } = options;
    this.#writer = new RecordWriter({ clock, sha256Hex, sidecarId: origin.sidecarId });
  }

  /** @param remedy what the agent may do about it */
  decision(
    attempt: Attempt,
    outcome: Decision['outcome'],
    reason: Reason,
    stage: Stage,
    detail: string,
    policies: readonly string[],
    remedy: string | undefined,
  ): Decision {
    const { prepared, reservation } = attempt;
    return {
      outcome,
      reason,
      stage,
      scope: outcome === 'ABORT' ? 'session' : undefined,
      detail,
      remedy,
      eventId: this.#eventIds.next(attempt.nowMs),
      target: prepared.matched?.target,
      envelope: attempt.envelope,
      capability: attempt.capability,
      policies,
      budgets: budgetLines(attempt),
      retryAfterS: attempt.exceeded?.retryAfterS,
      timings: timingsOf(attempt),
      reservation: reservation?.id,
    };
  }

  /** @returns false where the pipeline does not accept the record: an ALLOW must not leave then */
  record(attempt: Attempt, decision: Decision, eventId: string): boolean {
    const { audit, sessions } = this.#options;
    const session = attempt.session ?? sessions.snapshot(attempt.handle, attempt.nowMs);
    return audit.append(new PendingRecord(this.#writer, attempt, decision, eventId, session));
  }

  /** An answer that is no decision: nobody is authenticated, so no session is touched (semantics §3). */
  unauthenticated(reason: Reason, detail: string, prepared: Prepared, startedAt: number): Decision {
    this.#unauthenticated++;
    const beforeMs = preparedMs(prepared, startedAt);
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
        normalize: micros(beforeMs),
        capability: 0,
        policy: 0,
        total: micros(beforeMs + performance.now() - startedAt),
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
    // In the order of RFC 8785, so that its JSON is canonical as it stands.
    const record: OutcomeRecord = {
      bytes_received: facts.bytesReceived,
      bytes_sent: facts.bytesSent,
      event_id: this.#eventIds.next(now),
      injected: facts.injected,
      kind: 'outcome',
      latency_us: Math.round(facts.latencyUs),
      of: decision.eventId,
      reason: facts.reason,
      scope: scopeOf(facts.reason),
      settled: committed ? 'committed' : 'rolled_back',
      sidecar_id: origin.sidecarId,
      status: facts.status,
      time: clock.rfc3339(now),
      v: 1,
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
