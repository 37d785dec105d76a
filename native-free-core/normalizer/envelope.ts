import type { ActionClassInfo } from '../registry/classes.ts';

export type Scheme = 'http' | 'https';

/** The entrance a call came through. */
export type Transport = 'proxy' | 'decide-api' | 'in-process' | 'ext-authz' | 'authzen';

/**
 * A request as an interceptor received it, before anything is decided about it.
 *
 * `headers` holds only what classification reads: lower-case names, every value a name was given, in order.
 * An interceptor must not put credentials here.
 */
export interface RawRequest {
  readonly method: string;
  readonly scheme: Scheme;
  /** `host` or `host:port` of the target, as received. */
  readonly hostPort: string;
  /** Origin-form: path and query, as received. */
  readonly target: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly transport: Transport;
  /**
   * The other headers that go to the upstream, in one text that is alike where they are. Given where the request carries
   * an idempotency key: without it a repeated call is charged like any other.
   */
  readonly otherHeaders?: string;
  /** Bytes the body will have; `undefined` where its length is not declared. 0 for no body. */
  readonly bodyLength: number | undefined;
}

/**
 * What has to be read of a body before its call is decided: nothing; its head, of which `headEnds` tells where it
 * ends; or all of it, where that is at most 64 KiB.
 */
export type BodyNeed = 'none' | 'head' | 'whole';

/** The request target, computed once: what is matched is what is dispatched. */
export interface CanonicalTarget {
  readonly scheme: Scheme;
  /** Lower-case A-label, IPv4 as four decimals, or RFC 5952 IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Starts with `/`; dispatched as it stands. */
  readonly path: string;
  /** `path` less a trailing `/` (except for `/` itself): what is matched, scoped and named. */
  readonly matchPath: string;
  /** Empty, or `?` and the bytes as received. */
  readonly query: string;
}

/** A fact from a request: `amount` and `count` are integers in minor units, everything else a string. */
export type Params = Readonly<Record<string, number | string>>;

export const NO_PARAMS: Params = Object.freeze({});

/** In how many ways a call may be read: one that can be read in more is refused. */
export const MAX_READINGS = 64;

export interface Resource {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly scheme: Scheme;
  /** Empty where the host is no known provider's. */
  readonly provider: string;
  readonly method: string;
  /** Id of the Cedar entity: `<host><path>` for https on 443, see semantics §4. */
  readonly uid: string;
  /** Names of the `[[groups]]` the host is in. */
  readonly hostGroups: readonly string[];
  /** Bit n-1 set: segment n of `path` is in lower case, and a scope compares it so. */
  readonly foldMask: number;
}

/** One way an upstream may read a call. Every reading has to be allowed by itself. */
export interface Reading {
  readonly actionClass: ActionClassInfo;
  readonly resource: Resource;
  readonly params: Params;
  /** `file:line` of the rule. */
  readonly rule: string;
  /** What the body asks for, where the rule refines; empty where that is not known. */
  readonly operation?: string | undefined;
}

/** A classified call: what stage 1 and stage 2 decide about. */
export interface Envelope {
  readonly target: CanonicalTarget;
  readonly method: string;
  readonly transport: Transport;
  /** At most `MAX_READINGS`; the first is the reading of highest risk, which is the one counted and recorded. */
  readonly readings: readonly [Reading, ...Reading[]];
  /** 2^53-1 where unknown. */
  readonly bodyBytes: number;
}

export type NormalizerReason = 'MALFORMED_REQUEST' | 'UNCLASSIFIED_ACTION' | 'PARAMS_UNREADABLE';

/** A call that gets no envelope. `detail` is shown to the agent and never quotes a secret. */
export interface Refusal {
  readonly refused: NormalizerReason;
  readonly detail: string;
  /** UNCLASSIFIED_ACTION of some readings only: others match a rule, so the call is no unknown one. */
  readonly inPart?: boolean;
  /** What is known of the target; absent where the target itself is malformed. */
  readonly target: CanonicalTarget | undefined;
}
