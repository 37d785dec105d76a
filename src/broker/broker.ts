import type { Resource } from '@firma/core';

/** A header the sidecar sets on one allowed call, in place of anything the agent sent. */
export interface Injection {
  /** Label of the credential: what records name. */
  readonly label: string;
  /** Lower case. */
  readonly header: string;
  /** INVARIANT: never logged, never part of an error or a decision. */
  readonly value: string;
}

/** Obtains the credential of one allowed call. Its implementation is a client of the broker process. */
export interface Broker {
  /** Lower-case headers that credential entries name: an agent's own are always removed. */
  readonly headers: readonly string[];
  /**
   * The credential bound to a resource.
   *
   * @returns undefined where none is bound: the call goes out without one
   * @throws FirmaError where one is bound and cannot be had: the call is aborted, CREDENTIAL_UNAVAILABLE
   */
  credentialFor(resource: Resource): Promise<Injection | undefined>;
  close(): Promise<void>;
}
