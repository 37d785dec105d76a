import type { Decision } from '@firma/core';
import type { EventProof } from '../audit/event-proof.ts';
import type { Call } from '../call.ts';

export type { EventProof } from '../audit/event-proof.ts';

export interface DecideOptions {
  readonly transport: 'decide-api' | 'ext-authz' | 'authzen';
  /** `IngressRequest.source`. */
  readonly source: string;
  /** `manual`: whoever asked settles the decision later; only for enforcement points. */
  readonly commit: 'answer' | 'manual';
  /** The target may be one that is not canonical: the caller sends what `canonical` says. */
  readonly canonicalize: boolean;
  /** Wait until the record is under a checkpoint. */
  readonly receipt: boolean;
  /** What `sub` of the token has to be, where the entrance says it (AuthZEN); another one is TOKEN_INVALID. */
  readonly subject?: string;
  /** Why the call could not be read as one: it is denied MALFORMED_REQUEST with this detail, in the session of its token. */
  readonly malformed?: string;
}

export interface DecidedCall {
  readonly decision: Decision;
  /** With `canonicalize`, where the target could be read. */
  readonly canonical?: { readonly method: string; readonly url: string };
  /** With `receipt`; `unsigned` where no checkpoint came in time. */
  readonly receipt?: EventProof | 'unsigned';
}

export interface ReadinessOfPart {
  readonly ready: boolean;
  readonly detail?: string;
}

export interface Readiness {
  readonly bundle: ReadinessOfPart;
  readonly revocations: ReadinessOfPart;
  readonly audit: ReadinessOfPart;
  readonly store: ReadinessOfPart;
}

/** What the decision API stands on. */
export interface DecisionService {
  /** Decides one call and records it; answers once the answer may leave. Never throws. */
  decide(call: Call, options: DecideOptions): DecidedCall | Promise<DecidedCall>;
  /** Settles a decision that was made with `commit: 'manual'`, once. */
  settle(eventId: string, how: 'commit' | 'rollback'): 'settled' | 'unknown' | Promise<'settled' | 'unknown'>;
  /** @returns 'unsigned' where the record is in the log and under no checkpoint yet */
  proof(eventId: string): Promise<EventProof | 'unknown' | 'unsigned'>;
  readiness(): Promise<Readiness>;
  /** Prometheus text format 0.0.4. */
  metrics(): Promise<string>;
  /** Whether the text is the key of enforcement points. Constant time. */
  isEnforcementPoint(key: string): boolean;
}
