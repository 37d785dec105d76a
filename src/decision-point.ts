import type {
  CanonicalTarget,
  Caller,
  Decider,
  Decision,
  DispatchFacts,
  Prepared,
  RawRequest,
  TokenHandle,
} from '@firma/core';
import { type Call, toRawRequest } from './call.ts';
import { ManualDecisions } from './manual-decisions.ts';
import type { ThreadStats } from './metrics/thread-stats.ts';

export interface DecideOptions {
  readonly transport: Exclude<RawRequest['transport'], 'proxy'>;
  /** Whoever sent the call, as far as the entrance knows: one source has only its share of token verifications. */
  readonly source: string;
  /**
   * `manual`: the caller, an enforcement point, says later whether its first byte left (`settle`). `caller`: it holds the
   * decision, and calls `commit` and `finish` itself.
   */
  readonly commit: 'answer' | 'manual' | 'caller';
  /** Decides the canonical form of the target in place of refusing another; the caller must send `canonical`. */
  readonly canonicalize: boolean;
  /** What `sub` of the token has to be, where the entrance says it. */
  readonly subject?: string;
  /** What an ALLOW has to wait for besides its record; what became of its session meanwhile is asked afterwards. */
  readonly awaited?: (decision: Decision) => Promise<unknown>;
  /** A token verified before, in place of the call's. */
  readonly handle?: TokenHandle;
  /** Why the call could not be read as one: it is denied MALFORMED_REQUEST with this detail, in the session of its token. */
  readonly malformed?: string;
}

/** A decision whose answer may leave. */
export interface DecidedCall {
  readonly decision: Decision;
  /** What the caller must send; only where it was asked for and the target could be read. */
  readonly canonical?: { readonly method: string; readonly url: string };
}

/** Whether everything appended so far is where it must be before an ALLOW leaves. */
export interface WrittenLog {
  /** Undefined: it is. Rejects where it cannot be had there. */
  written(): Promise<void> | undefined;
}

export interface DecisionPointParts {
  readonly decider: Decider;
  readonly log: WrittenLog;
  readonly stats: ThreadStats;
  /** Of the budget rules; lower case. */
  readonly idempotencyHeaders: readonly string[];
}

const NOTHING_SENT: DispatchFacts = { bytesSent: 0, bytesReceived: 0, latencyUs: 0 };
const UNRECORDED = 'the audit log or the state store takes no records';
const ENDED = 'the session was ended; start a new one';

function canonicalHostPort({ host, port, scheme }: CanonicalTarget): string {
  const written = host.includes(':') ? `[${host}]` : host;
  return port === (scheme === 'https' ? 443 : 80) ? written : `${written}:${port}`;
}

/**
 * Decides calls for entrances that do not dispatch, in whatever thread it stands: records each, waits until an ALLOW may
 * leave, and settles its budgets.
 */
export class DecisionPoint {
  readonly #parts: DecisionPointParts;
  readonly #manual: ManualDecisions;
  #readHeaders: ReadonlySet<string> = new Set();
  #readOf: ReadonlySet<string> | undefined;

  constructor(parts: DecisionPointParts) {
    this.#parts = parts;
    this.#manual = new ManualDecisions((decision, how) => this.#settle(decision, how));
  }

  /** Lower-case names of the request headers that a decision looks at, by the tables in force now. */
  get readHeaders(): ReadonlySet<string> {
    const { readHeaders } = this.#parts.decider.inForce.normalizer;
    if (readHeaders !== this.#readOf) {
      this.#readOf = readHeaders;
      this.#readHeaders = new Set([...readHeaders, ...this.#parts.idempotencyHeaders]);
    }
    return this.#readHeaders;
  }

  /**
   * Decides one call and records it. Never throws.
   *
   * @returns at once where nothing has to be waited for: a denial of a session in memory
   */
  decide(call: Call, options: DecideOptions): DecidedCall | Promise<DecidedCall> {
    const decision = this.#decide(call, options);
    if (decision instanceof Promise) return decision.then((made) => this.#answer(made, options));
    return this.#answer(decision, options);
  }

  /** Charges or gives back what a decision with `commit: 'manual'` holds. @returns false where it is not known, or settled */
  settle(eventId: string, how: 'commit' | 'rollback'): boolean {
    return this.#manual.settle(eventId, how);
  }

  /**
   * Waits until the record of an ALLOW, and what its budgets drew, are where they must be before it leaves; undefined:
   * they are. Rejects where they cannot be had there.
   */
  recorded(decision: Decision): Promise<void> | undefined {
    const durable = this.#parts.decider.durable(decision);
    const written = this.#parts.log.written();
    if (durable === undefined || written === undefined) return durable ?? written;
    return Promise.all([durable, written]).then(() => undefined);
  }

  /** The call is about to leave: its budgets are charged. */
  commit(decision: Decision): void {
    this.#parts.decider.commit(decision);
  }

  /** The call is over: writes the outcome record. Once a call. */
  finish(decision: Decision, facts: DispatchFacts): void {
    this.#parts.decider.finish(decision, facts);
  }

  /** Commits what is still to be settled: nobody will. */
  close(): void {
    this.#manual.close();
  }

  #decide(call: Call, options: DecideOptions): Decision | Promise<Decision> {
    const { decider, idempotencyHeaders } = this.#parts;
    const { handle, malformed, source, subject, transport } = options;
    const caller: Caller = { token: call.token, handle, source, subject };
    if (malformed !== undefined) return decider.refuse(malformed, caller, transport);
    const { raw, body } = toRawRequest(call, transport, this.readHeaders, idempotencyHeaders);
    const prepared = options.canonicalize ? this.#canonicalized(raw) : decider.prepare(raw);
    return decider.decide(prepared, body, caller);
  }

  #canonicalized(raw: RawRequest): Prepared {
    const { decider } = this.#parts;
    const prepared = decider.prepare(raw);
    const { matched } = prepared;
    if (matched === undefined || !('refused' in matched) || matched.target === undefined) return prepared;
    const { target } = matched;
    return decider.prepare({
      ...raw,
      hostPort: canonicalHostPort(target),
      target: target.path + target.query,
    });
  }

  #answer(decision: Decision, options: DecideOptions): DecidedCall | Promise<DecidedCall> {
    const { outcome, reason, timings } = decision;
    this.#parts.stats.decided(outcome, reason, timings);
    if (outcome !== 'ALLOW') return this.#decided(decision, options);
    const recorded = this.recorded(decision);
    const { awaited } = options;
    const pending =
      awaited === undefined ? recorded : Promise.resolve(recorded).then(() => awaited(decision));
    if (pending === undefined) return this.#allowed(decision, options);
    return pending.then(
      () => this.#allowed(decision, options),
      () => this.#revoked(decision, options, 'AUDIT_UNAVAILABLE', UNRECORDED),
    );
  }

  #allowed(decision: Decision, options: DecideOptions): DecidedCall {
    const { decider } = this.#parts;
    const { capability, eventId } = decision;
    if (capability !== undefined && decider.isEnded(capability.sessionKey)) {
      return this.#revoked(decision, options, 'SESSION_ABORTED', ENDED);
    }
    if (options.commit === 'answer') decider.answered(decision);
    else if (options.commit === 'manual' && eventId !== undefined) {
      decider.leaving(decision);
      this.#manual.hold(eventId, decision);
    }
    return this.#decided(decision, options);
  }

  /** An ALLOW that does not leave: told as the denial that its outcome record says it became. */
  #revoked(
    decision: Decision,
    options: DecideOptions,
    reason: 'AUDIT_UNAVAILABLE' | 'SESSION_ABORTED',
    detail: string,
  ): DecidedCall {
    this.#parts.decider.finish(decision, { ...NOTHING_SENT, reason });
    const stage = reason === 'SESSION_ABORTED' ? 'capability' : 'operation';
    return this.#decided({ ...decision, outcome: 'DENY', reason, stage, detail }, options);
  }

  #decided(decision: Decision, { canonicalize }: DecideOptions): DecidedCall {
    const { envelope, target } = decision;
    if (!canonicalize || target === undefined || envelope === undefined) return { decision };
    const url = `${target.scheme}://${canonicalHostPort(target)}${target.path}${target.query}`;
    return { decision, canonical: { method: envelope.method, url } };
  }

  #settle(decision: Decision, how: 'commit' | 'rollback'): void {
    if (how === 'commit') this.#parts.decider.commit(decision);
    this.#parts.decider.finish(decision, NOTHING_SENT);
  }
}
