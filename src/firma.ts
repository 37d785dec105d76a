import type { Decision, RawRequest, Resource } from '@firma/core';
import type { Injection } from './broker/broker.ts';
import type { Cut } from './session/transports.ts';

/** Who calls: a token and, where the transport itself knows the session, whose token it has to be. */
export interface Caller {
  readonly token: string | undefined;
  readonly session?: { readonly sid: string; readonly sub: string };
}

/** A request that is canonicalised and matched, not yet decided. */
export interface Prepared {
  /** The matched rules declare facts: read the whole body, up to `maxBodyBytes`, before deciding. */
  readonly needsBody: boolean;
  readonly raw: RawRequest;
}

/** What became of an allowed call. */
export interface DispatchFacts {
  readonly status?: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly latencyUs: number;
  readonly injected?: string;
  /** Set where the call failed after ALLOW or was cut. */
  readonly reason?: Decision['reason'];
}

/** What the entrances (proxy, ingress) and an embedding host call. One implementation, in this file. */
export interface Enforcer {
  /** Lower-case names of the request headers that classification reads; an interceptor passes these and no other. */
  readonly readHeaders: ReadonlySet<string>;
  /** A body that must be read is at most this long; a longer one is passed as `undefined`. */
  readonly maxBodyBytes: number;

  prepare(raw: RawRequest): Prepared;

  /**
   * Decides a prepared request and records the decision. Never throws.
   *
   * @param body the whole body where `needsBody`; `undefined` where it was not read, is longer or incomplete
   * @returns at once where everything needed is in memory
   */
  decide(prepared: Prepared, body: Uint8Array | undefined, caller: Caller): Decision | Promise<Decision>;

  /** Decides a call that could not be read as a request at all: MALFORMED_REQUEST, recorded for the session. */
  refuse(detail: string, caller: Caller, transport: RawRequest['transport']): Decision | Promise<Decision>;

  /** Resolves once the decision's record is where configuration wants it before an ALLOW leaves; undefined: it is. */
  recorded(decision: Decision): Promise<void> | undefined;

  /** The first byte of the request went to the upstream: its budgets are charged. Idempotent. */
  commit(decision: Decision): void;

  /** The call is over: writes the outcome record and gives back budgets that were not committed. Once a call. */
  finish(decision: Decision, facts: DispatchFacts): void;

  /** The credential bound to a resource; rejects where one is bound and cannot be had. */
  credentialFor(resource: Resource): Promise<Injection | undefined>;
  /** Lower-case header names that credential entries set; an agent's own are removed from every call. */
  readonly credentialHeaders: readonly string[];

  /** Counts a request without an authenticated session: no decision, one `summary` record a second. */
  unauthenticated(): void;

  /** Registers an open transport of a session; an ABORT cuts it. */
  attach(sessionKey: string, cut: Cut): () => void;
}
