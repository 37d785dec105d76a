// The typed shape of `firma.toml` (semantics §9): parsed once, frozen, every path absolute.

import type { BudgetInput } from '@firma/core';

/** Most seconds by which a sidecar may take a token before or after its time: revocations outlast tokens by as much. */
export const MAX_SKEW_S = 300;

export interface ListenAddress {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
}

/** Most ingress workers of one sidecar. */
export const MAX_WORKERS = 32;

/** The decision API. */
export interface IngressConfig {
  readonly listen: ListenAddress;
  /** Absolute path of its Unix socket; undefined: `ingress.sock` of the run's directory. */
  readonly socket: string | undefined;
  readonly adapter: 'auto' | 'uws' | 'node';
  /** Threads that decide, 1 to `MAX_WORKERS`. */
  readonly workers: number;
  /** `inline`: each of them has the port open; `pool`: one thread has, and hands requests to them. */
  readonly placement: 'inline' | 'pool';
  /** Networks whose `x-original-*` and Envoy headers are believed, beside the Unix socket. */
  readonly trusted: readonly string[];
}

/** Opens a private destination for a host: without one, only globally reachable addresses are dialled. */
export interface DestinationConfig {
  readonly host: string;
  readonly cidr: string;
}

/** Sends a `host:port` to another address, for tests and the demo. A start-up warning names each. */
export interface UpstreamOverride {
  readonly from: string;
  readonly to: string;
  /** PEM file of the certificate authority that signs the other end; absent: the system's. */
  readonly ca?: string;
}

export type CredentialSource =
  { readonly kind: 'env'; readonly name: string } | { readonly kind: 'file'; readonly path: string };

export interface CredentialConfig {
  readonly label: string;
  /** Patterns in the grammar of semantics §2; the first entry of the file that matches a call is used. */
  readonly bind: readonly string[];
  readonly source: CredentialSource;
  /** Lower case; `authorization` by default. */
  readonly header: string;
  /** How the secret becomes the header's value: `Bearer <s>`, `Basic base64(user:<s>)`, or the secret as it is. */
  readonly scheme: 'bearer' | 'basic' | 'raw';
  /** User name of `basic`. */
  readonly user: string;
}

export interface CapabilityRequest {
  readonly agent: string;
  readonly groups: readonly string[];
  /** Classes or categories. */
  readonly actions: readonly string[];
  readonly scope: readonly string[];
  readonly ttlS: number;
}

export interface RunProfile {
  readonly id: string;
  /** Variables added to the agent's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Names of the caller's variables that are passed on. */
  readonly passEnv: readonly string[];
  readonly capability: CapabilityRequest;
}

export interface Config {
  /** Absolute path of the file, or undefined for the built-in defaults. */
  readonly file: string | undefined;
  readonly id: string;
  readonly audience: string;
  readonly mapping: { readonly defaultProtected: boolean };
  /** `shadow`: the share of decisions that the reference engine looks at again, 0 to 1. */
  readonly policy: { readonly shadow: number };
  /** At most `MAX_SKEW_S`. */
  readonly skewS: number;
  /** As written, with defaults filled in and no key where there is none. */
  readonly budgets: readonly BudgetInput[];
  readonly ingress: IngressConfig;
  readonly proxy: {
    readonly listen: ListenAddress;
    /** A connection without a byte in either direction is closed after this. */
    readonly idleTimeoutMs: number;
    readonly connectTimeoutMs: number;
    readonly maxConnections: number;
  };
  readonly destinations: readonly DestinationConfig[];
  readonly overrides: readonly UpstreamOverride[];
  readonly audit: {
    /** `checkpoint`: an ALLOW waits until the writer process has its record. `always`: until it is on disk. */
    readonly fsync: 'checkpoint' | 'always';
  };
  readonly authority: { readonly maxTtlS: number };
  readonly credentials: readonly CredentialConfig[];
  readonly run: { readonly profile: string; readonly profiles: readonly RunProfile[] };
}
