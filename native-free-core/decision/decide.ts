import type { Capability } from '../capability/claims.ts';
import type { TokenHandle } from '../capability/token-handle.ts';
import type { Refused, TokenVerifier } from '../capability/verify.ts';
import type { RawRequest, Refusal } from '../normalizer/envelope.ts';
import type { SessionHandle, SessionTable } from '../session/table.ts';
import { CAPABILITY_DETAIL, FAILED_DETAIL } from './answers.ts';
import { Attempt } from './attempt.ts';
import { MonotonicClock } from './clock.ts';
import { Bearer } from './bearer.ts';
import type { Caller, Decision, DispatchFacts } from './decision.ts';
import type { InForce } from './in-force.ts';
import type { AuditPort, RandomBytes, Sha256Hex, WallClock } from './ports.ts';
import { isCanonical, type Prepared } from './prepare.ts';
import { Recorder, type RecordOrigin } from './recorder.ts';
import { Stages, type StagesOptions } from './stages.ts';

export interface DeciderOptions extends Omit<StagesOptions, 'recorder'> {
  readonly verifier: TokenVerifier;
  readonly audit: AuditPort;
  readonly wallClock: WallClock;
  readonly randomBytes: RandomBytes;
  readonly sha256Hex: Sha256Hex;
  readonly origin: RecordOrigin;
  /** `replace` puts others in force. */
  readonly inForce: InForce;
}

/** How often a session is opened again that left memory right after it was opened. */
const MAX_OPENED = 4;
const EMPTY_BODY = new Uint8Array(0);
const NO_HEADERS: ReadonlyMap<string, readonly string[]> = new Map();

/** One call of `decide`; `attempt` is there once somebody is authenticated. */
class Call {
  readonly prepared: Prepared;
  readonly body: Uint8Array | undefined;
  readonly caller: Caller;
  readonly startedAt: number;
  /** How often its session was opened. */
  opened = 0;
  attempt: Attempt | undefined = undefined;

  constructor(prepared: Prepared, body: Uint8Array | undefined, caller: Caller, startedAt: number) {
    this.prepared = prepared;
    this.body = body;
    this.caller = caller;
    this.startedAt = startedAt;
  }
}

/**
 * Joins the rooms into one answer for one call.
 *
 * Order: who calls (token present, well-formed, signed, for us) → does the session stand (time, abort, revocation)
 * → what is called → does the token grant it → budgets and Cedar → the record. So an ended session is told so
 * whatever it sends, and a request nobody is authenticated for touches no session.
 *
 * What must be waited for is waited for before: a body by the caller, a token's first verification here. From then
 * on the decision is one synchronous step, in which nothing else happens to the session; or one on each side of a policy
 * engine that answers later.
 */
export class Decider {
  readonly #options: DeciderOptions;
  readonly #sessions: SessionTable;
  readonly #verifier: TokenVerifier;
  readonly #clock: MonotonicClock;
  readonly #stages: Stages;
  #inForce: InForce;
  /** Made once a token: the session table, too, keeps what it found of an identity. */
  readonly #bearers = new WeakMap<Capability, Bearer>();
  /** Records of what is no decision: outcomes, configuration, summaries. */
  readonly recorder: Recorder;

  constructor(options: DeciderOptions) {
    this.#options = options;
    this.#sessions = options.sessions;
    this.#verifier = options.verifier;
    this.#inForce = options.inForce;
    this.#clock = new MonotonicClock(options.wallClock);
    this.recorder = new Recorder({ ...options, clock: this.#clock });
    this.#stages = new Stages({ ...options, recorder: this.recorder });
  }

  get inForce(): InForce {
    return this.#inForce;
  }

  /** Calls that are prepared from now on are matched and decided with these; one under way keeps those it has. */
  replace(inForce: InForce): void {
    this.#inForce = inForce;
  }

  /**
   * Verifies a token, unless it was verified before. Whoever makes many calls with it gives the handle with each.
   *
   * @param source as `Caller.source`
   */
  session(token: string, source?: string): Promise<TokenHandle | Refused> {
    return this.#verifier.handle(token, this.#clock.nowMs() / 1000, source);
  }

  /** Canonicalises and matches a request, and says whether its body has to be read first. Never throws. */
  prepare(raw: RawRequest): Prepared {
    const startedAt = performance.now();
    const inForce = this.#inForce;
    const matched = this.#match(raw, inForce);
    const bodyNeed = matched === undefined || 'refused' in matched ? 'none' : matched.bodyNeed;
    const matchedAt = bodyNeed === 'none' ? 0 : performance.now();
    return { raw, inForce, matched, bodyNeed, startedAt, matchedAt };
  }

  /** Whether the beginning of a body says all that `bodyNeed: 'head'` asks for, or can no longer do so. Never throws. */
  headEnds({ inForce, matched }: Prepared, bytes: Uint8Array): boolean {
    try {
      return matched === undefined || 'refused' in matched || inForce.normalizer.headEnds(matched, bytes);
    } catch {
      // The decision about it fails as well, and closed.
      return true;
    }
  }

  /**
   * Decides a prepared request and records the decision. Never throws.
   *
   * @param body as `bodyNeed` says; `undefined` where it was not read, is longer or incomplete
   * @returns at once where the token is in the cache and the engine answers at once
   */
  decide(prepared: Prepared, body: Uint8Array | undefined, caller: Caller): Decision | Promise<Decision> {
    const call = new Call(prepared, body, caller, performance.now());
    try {
      const answer = this.#identify(call);
      return answer instanceof Promise ? answer.catch(() => this.#failed(call)) : answer;
    } catch {
      return this.#failed(call);
    }
  }

  /** Denies a call that could not be read as a request at all, recorded for the session that sent it. */
  refuse(detail: string, caller: Caller, transport: RawRequest['transport']): Decision | Promise<Decision> {
    const raw: RawRequest = {
      method: '?',
      scheme: 'https',
      hostPort: '?',
      target: '?',
      headers: NO_HEADERS,
      transport,
      bodyLength: 0,
    };
    const matched: Refusal = { refused: 'MALFORMED_REQUEST', detail, target: undefined };
    const startedAt = performance.now();
    const inForce = this.#inForce;
    const prepared: Prepared = { raw, inForce, matched, bodyNeed: 'none', startedAt, matchedAt: 0 };
    return this.decide(prepared, EMPTY_BODY, caller);
  }

  /** An allowed call is handed to a dispatcher that settles it later: it is charged where this thread ends before. */
  leaving({ reservation }: Decision): void {
    if (reservation !== undefined) this.#sessions.leaving(reservation);
  }

  /** The first byte of an allowed call went to the upstream: its budgets stay charged. */
  commit(decision: Decision): void {
    if (decision.reservation !== undefined) this.#sessions.commit(decision.reservation);
  }

  /**
   * Resolves once what an allowed call draws from its budgets, and what policies will know of it, outlives a crash;
   * undefined: it does already. Rejects where the store cannot be written: the call must not leave.
   */
  durable({ reservation }: Decision): Promise<void> | undefined {
    return reservation === undefined ? undefined : this.#sessions.durable(reservation);
  }

  /** Whether a session was ended since: what was allowed before and has not left must not leave. */
  isEnded(sessionKey: string): boolean {
    const handle = this.#sessions.find(sessionKey);
    return handle !== undefined && this.#sessions.abortReason(handle) !== undefined;
  }

  /** Charges body bytes that are about to pass. @returns false, or a promise of it, where the call is to be cut */
  takeBytes(decision: Decision, bytes: number): boolean | Promise<boolean> {
    const { capability, reservation } = decision;
    if (reservation === undefined) return true;
    const taken = this.#sessions.takeBytes(reservation, bytes);
    if (taken === false && capability !== undefined) this.#endAborted(capability.sessionKey);
    return taken;
  }

  /** An allowed call is over: gives back budgets that were not committed and writes the outcome. Once a call. */
  finish(decision: Decision, facts: DispatchFacts): void {
    const { reservation } = decision;
    const rolledBack = reservation !== undefined && this.#sessions.rollBack(reservation);
    const handle = this.#handleOf(decision);
    if (handle !== undefined) this.#sessions.noteBytes(handle, facts.bytesSent, facts.bytesReceived);
    if (reservation !== undefined) this.#sessions.release(reservation);
    this.recorder.outcome(decision, facts, !rolledBack);
  }

  /** An allowed call that is not dispatched here: it is charged, and nothing more is heard of it. */
  answered({ reservation }: Decision): void {
    if (reservation === undefined) return;
    this.#sessions.commit(reservation);
    this.#sessions.release(reservation);
  }

  /** A credential was injected into a call of this session: policies may ask for it (`session.injected`). */
  injected(decision: Decision, label: string): void {
    const handle = this.#handleOf(decision);
    if (handle !== undefined) this.#sessions.noteInjected(handle, label);
  }

  /** Bytes that found no room may have ended their session. */
  #endAborted(sessionKey: string): void {
    if (this.isEnded(sessionKey)) this.#options.onSessionEnd(sessionKey, 'BUDGET_EXCEEDED');
  }

  #handleOf({ capability }: Decision): SessionHandle | undefined {
    if (capability === undefined) return undefined;
    const handle = this.#bearers.get(capability)?.handle;
    // To find one by its key costs a SHA-256.
    if (handle !== undefined && this.#sessions.isOpen(handle)) return handle;
    return this.#sessions.find(capability.sessionKey);
  }

  #match(raw: RawRequest, { normalizer }: InForce): Prepared['matched'] {
    try {
      const matched = normalizer.match(raw);
      const { target } = matched;
      if (raw.transport === 'proxy' || target === undefined || isCanonical(raw, target)) return matched;
      const detail =
        'the target is not canonical, and this entrance does not dispatch: send the canonical one, or ask with `canonicalize: true`';
      return { refused: 'MALFORMED_REQUEST', detail, target };
    } catch {
      // Who sent it is not known yet: `decide` answers INTERNAL, to that session.
      return undefined;
    }
  }

  #identify(call: Call): Decision | Promise<Decision> {
    const nowMs = this.#clock.nowMs(call.startedAt);
    const { handle, token } = call.caller;
    if (handle !== undefined) {
      if (this.#verifier.stands(handle)) return this.#authenticated(call, handle.capability, nowMs);
      return this.#nobody(call, 'TOKEN_INVALID', CAPABILITY_DETAIL.TOKEN_INVALID);
    }
    if (token === undefined || token === '') {
      return this.#nobody(call, 'TOKEN_MISSING', CAPABILITY_DETAIL.TOKEN_MISSING);
    }
    const cached = this.#verifier.cached(token, nowMs / 1000);
    return cached === undefined ? this.#verify(call, token, nowMs) : this.#authenticated(call, cached, nowMs);
  }

  async #verify(call: Call, token: string, nowMs: number): Promise<Decision> {
    const verified = await this.#verifier.verify(token, nowMs / 1000, call.caller.source);
    if ('refused' in verified) return this.#nobody(call, verified.refused, verified.detail);
    return this.#authenticated(call, verified, this.#clock.nowMs());
  }

  #authenticated(call: Call, capability: Capability, nowMs: number): Decision | Promise<Decision> {
    const { claims } = capability;
    const { session, subject } = call.caller;
    const isTheirs =
      (session === undefined || (session.sid === claims.sid && session.sub === claims.sub)) &&
      (subject === undefined || subject === claims.sub);
    if (!isTheirs) return this.#nobody(call, 'TOKEN_INVALID', CAPABILITY_DETAIL.TOKEN_INVALID);
    return this.#open(call, this.#bearerOf(capability), nowMs);
  }

  #open(call: Call, bearer: Bearer, nowMs: number): Decision | Promise<Decision> {
    if (call.opened === MAX_OPENED) {
      return this.#nobody(call, 'OVERLOADED', 'the session leaves memory again and again');
    }
    call.opened += 1;
    const handle = this.#sessions.open(bearer.identity, nowMs, bearer.capability.claims.budgets);
    if (handle instanceof Promise) {
      return handle.then((loaded) => this.#inSession(call, bearer, loaded, this.#clock.nowMs()));
    }
    return this.#inSession(call, bearer, handle, nowMs);
  }

  #inSession(
    call: Call,
    bearer: Bearer,
    handle: SessionHandle | undefined,
    nowMs: number,
  ): Decision | Promise<Decision> {
    if (handle === undefined) return this.#nobody(call, 'OVERLOADED', 'too many sessions are open');
    bearer.handle = handle;
    const attempt = new Attempt(call.prepared, bearer, handle, nowMs, call.startedAt);
    call.attempt = attempt;
    return this.#stages.run(attempt, call.body) ?? this.#open(call, bearer, nowMs);
  }

  #bearerOf(capability: Capability): Bearer {
    let bearer = this.#bearers.get(capability);
    if (bearer === undefined) {
      bearer = new Bearer(capability);
      this.#bearers.set(capability, bearer);
    }
    return bearer;
  }

  #nobody(
    call: Call,
    reason: 'INTERNAL' | 'OVERLOADED' | 'TOKEN_INVALID' | 'TOKEN_MISSING',
    detail: string,
  ): Decision {
    return this.recorder.unauthenticated(reason, detail, call.prepared, call.startedAt);
  }

  // INVARIANT: the only catch-all. Whatever went wrong, the call is denied and nothing of it stays reserved.
  #failed(call: Call): Decision {
    const { attempt } = call;
    if (attempt === undefined) return this.#nobody(call, 'INTERNAL', FAILED_DETAIL);
    try {
      return this.#stages.fail(attempt);
    } catch {
      return this.#nobody(call, 'INTERNAL', FAILED_DETAIL);
    }
  }
}
