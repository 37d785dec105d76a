import { StateUnusable } from '@firma/core';
import type {
  Caller,
  Decider,
  Decision,
  DispatchFacts,
  Prepared,
  RawRequest,
  Resource,
  SessionTable,
  TokenVerifier,
} from '@firma/core';
import type { AuditPipeline } from './audit/pipeline.ts';
import type { Authority } from './authority/authority.ts';
import type { Injection } from './broker/broker.ts';
import type { StartedBroker } from './broker/client.ts';
import type { Call } from './call.ts';
import type { Config } from './config/config.ts';
import type { LoadedConfig } from './config/read-named.ts';
import type { StateDir } from './config/state-dir.ts';
import type { DecidingThreads } from './deciding-threads.ts';
import type { DecisionPoint } from './decision-point.ts';
import { type FirmaSession, type Guarded, InProcess, type SessionRefused } from './in-process.ts';
import type { ThreadStats } from './metrics/thread-stats.ts';
import type { SessionDesk } from './session-desk.ts';
import type { CoreInForce } from './core-in-force.ts';
import type { Cut, OpenTransports } from './session/transports.ts';

export type { Caller, DispatchFacts, Prepared } from '@firma/core';

/** What the entrances (proxy, ingress) call. */
export interface Enforcer {
  /** Lower-case names of the request headers that classification reads; an interceptor passes these and no other. */
  readonly readHeaders: ReadonlySet<string>;
  /** Those of them that carry an idempotency key. */
  readonly idempotencyHeaders: readonly string[];
  /** A body that must be read is at most this long; a longer one is passed as `undefined`. */
  readonly maxBodyBytes: number;

  /** Canonicalises and matches; `bodyNeed` says what has to be read of the body before deciding. */
  prepare(raw: RawRequest): Prepared;

  /** Whether the beginning of a body says all that `bodyNeed: 'head'` asks for, or can no longer do so. Never throws. */
  headEnds(prepared: Prepared, bytes: Uint8Array): boolean;

  /**
   * Decides a prepared request and records the decision. Never throws.
   *
   * @param body as `bodyNeed` says; `undefined` where it was not read, is longer or incomplete
   * @returns at once where everything needed is in memory
   */
  decidePrepared(
    prepared: Prepared,
    body: Uint8Array | undefined,
    caller: Caller,
  ): Decision | Promise<Decision>;

  /** Denies a call that could not be read as a request at all: MALFORMED_REQUEST, recorded for the session. */
  refuse(detail: string, caller: Caller, transport: RawRequest['transport']): Decision | Promise<Decision>;

  /**
   * Resolves once the record of an ALLOW, and what its budgets drew, are where they must be before it leaves; undefined:
   * they are. Rejects where they cannot be had there: the call must not leave.
   */
  recorded(decision: Decision): Promise<void> | undefined;

  /** The first byte of the request went to the upstream: its budgets are charged. Idempotent. */
  commit(decision: Decision): void;

  /**
   * Charges body bytes that are about to pass, either way, to the budgets of an allowed call that count bytes.
   *
   * @returns false, or a promise of it, where one has no room for them: the call is cut, and nothing of them passes
   */
  takeBytes(decision: Decision, bytes: number): boolean | Promise<boolean>;

  /** The call is over: writes the outcome record and gives back budgets that were not committed. Once a call. */
  finish(decision: Decision, facts: DispatchFacts): void;

  /** The credential bound to a resource of an allowed call; rejects where one is bound and cannot be had. */
  credentialFor(decision: Decision, resource: Resource): Promise<Injection | undefined>;

  /** Lower-case header names that credential entries set; an agent's own are removed from every call. */
  readonly credentialHeaders: readonly string[];

  /** Counts a request without an authenticated session: no decision, one `summary` record a second. */
  unauthenticated(): void;

  /** Registers an open transport of a session; an ABORT cuts it. */
  attach(sessionKey: string, cut: Cut): () => void;
}

/** The rooms a running sidecar consists of; `openFirma` starts them. */
export interface FirmaParts {
  readonly config: Config;
  /** The texts the configuration stands on, read once. */
  readonly loaded: LoadedConfig;
  readonly state: StateDir;
  readonly runDir: string;
  /** Of the budget rules; lower case. */
  readonly idempotencyHeaders: readonly string[];
  readonly verifier: TokenVerifier;
  readonly decider: Decider;
  readonly audit: AuditPipeline;
  readonly authority: Authority;
  readonly broker: StartedBroker;
  readonly core: CoreInForce;
  readonly sessions: SessionTable;
  readonly transports: OpenTransports;
  /** Of the main thread. */
  readonly stats: ThreadStats;
  /** Of all threads. */
  readonly sharedStats: SharedArrayBuffer;
  readonly point: DecisionPoint;
  /** What people ask about sessions. */
  readonly desk: SessionDesk;
  readonly threads: DecidingThreads;
  readonly reload: () => Promise<boolean>;
  /** Whether the state store can be written; true without one. */
  readonly storeAnswers: () => boolean;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;

/** One running enforcement point: decides in process, and is what proxy and ingress ask. */
export class Firma implements Enforcer {
  readonly maxBodyBytes = MAX_BODY_BYTES;
  readonly parts: FirmaParts;
  readonly #decider: Decider;
  readonly #inProcess: InProcess;

  constructor(parts: FirmaParts) {
    this.parts = parts;
    this.#decider = parts.decider;
    this.#inProcess = new InProcess(parts.point);
  }

  get readHeaders(): ReadonlySet<string> {
    return this.parts.point.readHeaders;
  }

  get credentialHeaders(): readonly string[] {
    return this.parts.broker.headers;
  }

  get idempotencyHeaders(): readonly string[] {
    return this.parts.idempotencyHeaders;
  }

  prepare(raw: RawRequest): Prepared {
    return this.#decider.prepare(raw);
  }

  headEnds(prepared: Prepared, bytes: Uint8Array): boolean {
    return this.#decider.headEnds(prepared, bytes);
  }

  decidePrepared(
    prepared: Prepared,
    body: Uint8Array | undefined,
    caller: Caller,
  ): Decision | Promise<Decision> {
    const decision = this.#decider.decide(prepared, body, caller);
    if (decision instanceof Promise) return this.#counted(decision);
    this.parts.stats.decided(decision.outcome, decision.reason, decision.timings);
    return decision;
  }

  /**
   * Decides one call as `/v1/decide` does, with no socket between. An ALLOW is committed with the answer.
   *
   * @throws Usage for what is no call
   */
  decide(call: Call): Promise<Decision> {
    return this.#inProcess.decide(call);
  }

  /**
   * Runs a function only where the call is allowed. Its budgets are charged before it runs, whatever becomes of it.
   *
   * @param run makes the call: exactly the one that was decided
   * @throws Usage as `decide`; what `run` throws
   */
  guard<T>(call: Call, run: (decision: Decision) => T | Promise<T>): Promise<Guarded<T>> {
    return this.#inProcess.guard(call, run);
  }

  /** The calls of one token: it is verified now, and not hashed again. A token that does not verify opens none. */
  async session(token: string): Promise<FirmaSession | SessionRefused> {
    const handle = await this.#decider.session(token);
    return 'refused' in handle ? handle : new InProcess(this.parts.point, handle);
  }

  async refuse(detail: string, caller: Caller, transport: RawRequest['transport']): Promise<Decision> {
    const decision = await this.#decider.refuse(detail, caller, transport);
    this.parts.stats.decided(decision.outcome, decision.reason, decision.timings);
    return decision;
  }

  recorded(decision: Decision): Promise<void> | undefined {
    return this.parts.point.recorded(decision);
  }

  takeBytes(decision: Decision, bytes: number): boolean | Promise<boolean> {
    return this.#decider.takeBytes(decision, bytes);
  }

  commit(decision: Decision): void {
    this.#decider.commit(decision);
  }

  finish(decision: Decision, facts: DispatchFacts): void {
    this.#decider.finish(decision, facts);
  }

  async credentialFor(decision: Decision, resource: Resource): Promise<Injection | undefined> {
    const { broker } = this.parts;
    const label = broker.labelFor(resource);
    for (const reading of decision.envelope?.readings ?? []) {
      if (broker.labelFor(reading.resource) !== label) {
        throw new StateUnusable('the readings of the call are bound to different credentials');
      }
    }
    const injection = await broker.credentialFor(resource);
    if (injection === undefined) return undefined;
    this.#decider.injected(decision, injection.label);
    // Policies look at it from the next call on, also where this process does not live to see it.
    await this.#decider.durable(decision);
    return injection;
  }

  /**
   * Puts the configuration's tables and policies in force as they stand in their files now, and trusted; calls are decided
   * meanwhile.
   *
   * @returns false where they are the ones in force
   * @throws ConfigUntrusted, MappingInvalid or PolicyInvalid with file and line, ConfigInvalid where more has changed: those
   *   in force stay
   */
  reload(): Promise<boolean> {
    return this.parts.reload();
  }

  unauthenticated(): void {
    this.#decider.recorder.countUnauthenticated();
  }

  attach(sessionKey: string, cut: Cut): () => void {
    return this.parts.transports.attach(sessionKey, cut);
  }

  close(): Promise<void> {
    return this.parts.close();
  }

  async #counted(pending: Promise<Decision>): Promise<Decision> {
    const decision = await pending;
    this.parts.stats.decided(decision.outcome, decision.reason, decision.timings);
    return decision;
  }
}
