// Between the main thread, which is the home of sessions, log and store, and a thread that decides for the decision API.

import type {
  BudgetInput,
  RevocationList,
  SessionAnswer,
  SessionRequest,
  SharedSessions,
  VerificationJwk,
} from '@firma/core';
import type { EventProof } from './audit/event-proof.ts';
import type { SharedQueue } from './audit/queue.ts';
import type { ThreadCore } from './core-in-force.ts';
import type { AnswerTo, Question } from './pool/questions.ts';

/** Everything a thread builds its core from. Postable. */
export interface CoreSeed {
  /** Which of the sidecar's deciding threads it is, from 1; the main thread is 0. */
  readonly thread: number;
  readonly sidecarId: string;
  readonly issuer: string;
  readonly audience: string;
  readonly skewS: number;
  readonly maxTtlS: number;
  readonly defaultProtected: boolean;
  readonly budgets: readonly BudgetInput[];
  /** In force when the thread starts; its ports are transferred. */
  readonly core: ThreadCore;
  /** By `kid`. */
  readonly keys: ReadonlyMap<string, VerificationJwk>;
  readonly revocations: RevocationList;
  readonly sessions: SharedSessions;
  /** Of the steady clock. */
  readonly bootMs: number;
  readonly audit: SharedQueue;
  readonly stats: SharedArrayBuffer;
  /** SHA-256, in hexadecimal, of the key that enforcement points show. */
  readonly enforcementKeyDigest: string;
}

/** What can be relied on now. */
export interface Readiness {
  readonly bundle: Readied;
  readonly revocations: Readied;
  readonly audit: Readied;
  readonly store: Readied;
}

export interface Readied {
  readonly ready: boolean;
  readonly detail?: string;
}

export type HomeQuestion =
  | { readonly kind: 'session'; readonly request: SessionRequest }
  | { readonly kind: 'proof'; readonly eventId: string }
  /** As `proof`, once a checkpoint covers it: about a second later. */
  | { readonly kind: 'receipt'; readonly eventId: string }
  /** A decision that this thread does not hold: another one may. */
  | { readonly kind: 'settle'; readonly eventId: string; readonly how: 'commit' | 'rollback' }
  | { readonly kind: 'readiness' }
  | { readonly kind: 'metrics' };

export type HomeAnswer =
  | { readonly kind: 'session'; readonly answer: SessionAnswer }
  | { readonly kind: 'proof'; readonly proof: EventProof | 'unknown' | 'unsigned' }
  | { readonly kind: 'settle'; readonly settled: boolean }
  | { readonly kind: 'readiness'; readonly readiness: Readiness }
  | { readonly kind: 'metrics'; readonly text: string }
  /** The main thread is gone, or could not answer. */
  | { readonly kind: 'lost' };

export type ToHome =
  | Question<HomeQuestion>
  /** Records wait in this thread's ring. */
  | { readonly type: 'audit' }
  /** A session was ended here: what it has open is to be cut. */
  | { readonly type: 'session-ended'; readonly sessionKey: string; readonly reason: string }
  | AnswerTo<boolean>
  /** The core of that generation is linked. */
  | { readonly type: 'linked'; readonly generation: number };

export type FromHome =
  | AnswerTo<HomeAnswer>
  /** The log has more of this thread's records, or takes none: look at the ring's counters. */
  | { readonly type: 'acknowledged' }
  /** To be linked; its ports are transferred. */
  | { readonly type: 'core'; readonly generation: number; readonly core: ThreadCore }
  /** The core of that generation decides from now on, or as soon as it is linked. */
  | { readonly type: 'activate'; readonly generation: number }
  /** Settles a decision that this thread may hold. */
  | Question<{ readonly eventId: string; readonly how: 'commit' | 'rollback' }>;
