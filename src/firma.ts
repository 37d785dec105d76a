import { sessionKeyOf, StateUnusable } from '@firma/core';
import type {
  Caller,
  Decider,
  Decision,
  DispatchFacts,
  Normalizer,
  Prepared,
  RawRequest,
  Resource,
  SessionHandle,
  SessionTable,
  TokenVerifier,
} from '@firma/core';
import type { AuditPipeline } from './audit/pipeline.ts';
import type { Authority } from './authority/authority.ts';
import { ISSUER } from './authority/open.ts';
import type { Injection } from './broker/broker.ts';
import type { StartedBroker } from './broker/client.ts';
import { type Call, toRawRequest } from './call.ts';
import type { Config } from './config/config.ts';
import type { LoadedConfig } from './config/read-named.ts';
import type { StateDir } from './config/state-dir.ts';
import type { Counters } from './metrics/counters.ts';
import type { PoliciesInForce } from './policies-in-force.ts';
import type { AbortedSession, AbortRequest, SessionPage } from './session/control-messages.ts';
import { detailViewOf, type SessionDetailView, viewOf } from './session/session-view.ts';
import type { Cut, OpenTransports } from './session/transports.ts';
import { toWireError } from './session/wire-error.ts';

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
  readonly normalizer: Normalizer;
  /** Of the budget rules; lower case. */
  readonly idempotencyHeaders: readonly string[];
  readonly verifier: TokenVerifier;
  readonly decider: Decider;
  readonly audit: AuditPipeline;
  readonly authority: Authority;
  readonly broker: StartedBroker;
  readonly policies: PoliciesInForce;
  readonly sessions: SessionTable;
  readonly transports: OpenTransports;
  readonly counters: Counters;
  readonly reloadPolicies: () => Promise<boolean>;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;
const PAGE = 1000;

/** One running enforcement point: decides in process, and is what proxy and ingress ask. */
export class Firma implements Enforcer {
  readonly maxBodyBytes = MAX_BODY_BYTES;
  readonly parts: FirmaParts;
  readonly #decider: Decider;

  readonly readHeaders: ReadonlySet<string>;

  constructor(parts: FirmaParts) {
    this.parts = parts;
    this.readHeaders = new Set([...parts.normalizer.readHeaders, ...parts.idempotencyHeaders]);
    this.#decider = parts.decider;
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
    this.parts.counters.decided(decision.outcome, decision.reason);
    return decision;
  }

  /**
   * Decides one call from JSON (`/v1/decide`, `firma decide`, an embedding host). An ALLOW is committed with the answer:
   * whoever asks here dispatches by itself.
   */
  async decide(call: Call, transport: 'decide-api' | 'in-process' = 'in-process'): Promise<Decision> {
    const { raw, body } = toRawRequest(call, transport, this.readHeaders, this.parts.idempotencyHeaders);
    const decision = await this.decidePrepared(this.prepare(raw), body, {
      token: call.token,
      source: transport,
    });
    if (decision.outcome !== 'ALLOW') return decision;
    try {
      await this.recorded(decision);
    } catch {
      this.finish(decision, { bytesSent: 0, bytesReceived: 0, latencyUs: 0, reason: 'AUDIT_UNAVAILABLE' });
      const detail = 'the audit log or the state store takes no records';
      return { ...decision, outcome: 'DENY', reason: 'AUDIT_UNAVAILABLE', stage: 'operation', detail };
    }
    const { capability } = decision;
    if (capability !== undefined && this.#decider.isEnded(capability.sessionKey)) {
      this.finish(decision, { bytesSent: 0, bytesReceived: 0, latencyUs: 0, reason: 'SESSION_ABORTED' });
      const detail = 'the session was ended; start a new one';
      return { ...decision, outcome: 'DENY', reason: 'SESSION_ABORTED', stage: 'capability', detail };
    }
    this.#decider.answered(decision);
    return decision;
  }

  async refuse(detail: string, caller: Caller, transport: RawRequest['transport']): Promise<Decision> {
    const decision = await this.#decider.refuse(detail, caller, transport);
    this.parts.counters.decided(decision.outcome, decision.reason);
    return decision;
  }

  recorded(decision: Decision): Promise<void> | undefined {
    const durable = this.#decider.durable(decision);
    const written = this.parts.audit.written();
    if (durable === undefined || written === undefined) return durable ?? written;
    return Promise.all([durable, written]).then(() => undefined);
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
   * Puts the configuration's policies in force as they stand in their files now, and trusted; calls are decided meanwhile.
   *
   * @returns false where they are the ones in force
   * @throws ConfigUntrusted, PolicyInvalid with file and line, ConfigInvalid where more than policies has changed: those
   *   in force stay
   */
  reloadPolicies(): Promise<boolean> {
    return this.parts.reloadPolicies();
  }

  /** Sessions in memory, with their counters: at most `limit`, those behind the page whose `next` is `after`. */
  listSessions(limit: number, after?: number): SessionPage {
    const found = this.parts.sessions.list(limit, after);
    return { sessions: found.map(viewOf), next: found.length < limit ? undefined : found.at(-1)?.handle };
  }

  /** @returns undefined where no session of that id is in memory */
  showSession(sid: string): SessionDetailView | undefined {
    const handle = this.#findSession(sid);
    if (handle === undefined) return undefined;
    return detailViewOf(this.parts.sessions.show(handle), this.parts.config.budgets);
  }

  /**
   * Ends a session by hand: its later calls are denied, what it has open is cut at once.
   *
   * @returns once a crash no longer undoes it, or with why one may; undefined where no session of that id is in memory
   *   and no agent is named
   * @throws StateUnusable where the session is not in memory and cannot be read; what it has open is cut all the same
   */
  async abortSession({ sid, agent, reason }: AbortRequest): Promise<AbortedSession | undefined> {
    const { sessions, transports } = this.parts;
    const handle =
      this.#findSession(sid) ?? (agent === undefined ? undefined : await this.#bring(sid, agent));
    if (handle === undefined) return undefined;
    const endedBefore = sessions.abortReason(handle);
    const { agent: sub, key } = viewOf(sessions.show(handle));
    const durable = sessions.abort(handle, reason);
    transports.end(key, 'SESSION_ABORTED');
    let notKept: string | undefined;
    try {
      await durable;
    } catch (error) {
      notKept = toWireError(error).message;
    }
    return { sid, agent: sub, endedBefore, notKept };
  }

  /** A session that is to be ended and is not in memory: never made a call here, or not since the start, or left it. */
  async #bring(sid: string, agent: string): Promise<SessionHandle> {
    const { sessions, transports } = this.parts;
    const identity = { key: sessionKeyOf(ISSUER, agent, sid), iss: ISSUER, sub: agent, sid };
    transports.end(identity.key, 'SESSION_ABORTED');
    const handle = await sessions.open(identity, Date.now(), []);
    if (handle === undefined) throw new StateUnusable('no further session fits into memory; try again');
    return handle;
  }

  #findSession(sid: string): SessionHandle | undefined {
    const { sessions } = this.parts;
    let after: number | undefined;
    for (;;) {
      const page = sessions.list(PAGE, after);
      const found = page.find((session) => session.sid === sid);
      if (found !== undefined) return sessions.find(viewOf(found).key);
      after = page.at(-1)?.handle;
      if (after === undefined) return undefined;
    }
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
    this.parts.counters.decided(decision.outcome, decision.reason);
    return decision;
  }
}
