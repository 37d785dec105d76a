import { StateUnusable } from '@firma/core';
import type {
  Caller,
  Decider,
  Decision,
  DispatchFacts,
  Normalizer,
  Prepared,
  RawRequest,
  Resource,
  TokenVerifier,
} from '@firma/core';
import type { AuditPipeline } from './audit/pipeline.ts';
import type { Authority } from './authority/authority.ts';
import type { Injection } from './broker/broker.ts';
import type { StartedBroker } from './broker/client.ts';
import { type Call, toRawRequest } from './call.ts';
import type { Config } from './config/config.ts';
import type { LoadedConfig } from './config/read-named.ts';
import type { StateDir } from './config/state-dir.ts';
import type { Counters } from './metrics/counters.ts';
import type { PoliciesInForce } from './policies-in-force.ts';
import type { Cut, OpenTransports } from './session/transports.ts';

export type { Caller, DispatchFacts, Prepared } from '@firma/core';

/** What the entrances (proxy, ingress) call. */
export interface Enforcer {
  /** Lower-case names of the request headers that classification reads; an interceptor passes these and no other. */
  readonly readHeaders: ReadonlySet<string>;
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

  /** Resolves once every record so far is where configuration wants it before an ALLOW leaves; undefined: it is. */
  recorded(): Promise<void> | undefined;

  /** The first byte of the request went to the upstream: its budgets are charged. Idempotent. */
  commit(decision: Decision): void;

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
  readonly verifier: TokenVerifier;
  readonly decider: Decider;
  readonly audit: AuditPipeline;
  readonly authority: Authority;
  readonly broker: StartedBroker;
  readonly policies: PoliciesInForce;
  readonly transports: OpenTransports;
  readonly counters: Counters;
  readonly reloadPolicies: () => Promise<boolean>;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;

/** One running enforcement point: decides in process, and is what proxy and ingress ask. */
export class Firma implements Enforcer {
  readonly maxBodyBytes = MAX_BODY_BYTES;
  readonly parts: FirmaParts;
  readonly #decider: Decider;

  constructor(parts: FirmaParts) {
    this.parts = parts;
    this.#decider = parts.decider;
  }

  get readHeaders(): ReadonlySet<string> {
    return this.parts.normalizer.readHeaders;
  }

  get credentialHeaders(): readonly string[] {
    return this.parts.broker.headers;
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
    const { raw, body } = toRawRequest(call, transport, this.readHeaders);
    const decision = await this.decidePrepared(this.prepare(raw), body, {
      token: call.token,
      source: transport,
    });
    if (decision.outcome !== 'ALLOW') return decision;
    try {
      await this.recorded();
    } catch {
      this.finish(decision, { bytesSent: 0, bytesReceived: 0, latencyUs: 0, reason: 'AUDIT_UNAVAILABLE' });
      const detail = 'the audit log does not take records';
      return { ...decision, outcome: 'DENY', reason: 'AUDIT_UNAVAILABLE', stage: 'operation', detail };
    }
    this.commit(decision);
    return decision;
  }

  async refuse(detail: string, caller: Caller, transport: RawRequest['transport']): Promise<Decision> {
    const decision = await this.#decider.refuse(detail, caller, transport);
    this.parts.counters.decided(decision.outcome, decision.reason);
    return decision;
  }

  recorded(): Promise<void> | undefined {
    return this.parts.audit.written();
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
    if (injection !== undefined) this.#decider.injected(decision, injection.label);
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
