import type { CedarModule, PolicyQuery, PolicyVerdict } from '@firma/core';
import type { MessagePort } from 'node:worker_threads';
import type { SharedBundle } from './lowered-core.ts';

/** What the reference worker is started with. */
export interface ReferenceTask {
  readonly cedar: CedarModule;
  /** The bundle in force. */
  readonly bundle: SharedBundle;
}

/** To the reference worker, from the main thread. */
export type FromHub =
  /** A deciding thread asks over this port from now on. */
  | { readonly type: 'connect'; readonly port: MessagePort }
  /** Answered with a `pong`. */
  | { readonly type: 'ping' }
  | { readonly type: 'stop' };

/** From the reference worker: its bundle is loaded, or it still answers. */
export interface Pong {
  readonly type: 'pong';
}

/**
 * What a deciding thread asks, over a port of its own, in batches. Without a verdict: what the call should get. With one: a
 * decision to look at again, which waits for the others.
 */
export interface Asked {
  readonly query: PolicyQuery;
  readonly verdict: PolicyVerdict | undefined;
}

/** A decision to look at again: what was asked, as it was then, and what was answered. */
export interface Sample extends Asked {
  readonly verdict: PolicyVerdict;
}

/** What came of a sample. `unanswered`: the reference engine gave no answer, or not the same one twice. */
export type Finding =
  | { readonly kind: 'agreed' }
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'differs'; readonly reference: PolicyVerdict };

export type Answered = Finding | { readonly kind: 'verdict'; readonly verdict: PolicyVerdict };

/** A confirmed difference, as the thread that found it tells of it. It holds no credential. */
export interface SeenDifference {
  /** Number of the sample in its thread, from 1. */
  readonly ordinal: number;
  readonly query: PolicyQuery;
  readonly engine: string;
  /** What the call got. */
  readonly verdict: PolicyVerdict;
  /** What the same engine said when it was asked again. */
  readonly again: PolicyVerdict;
  readonly reference: PolicyVerdict;
}

/** A confirmed difference with all it takes to see it again: plain data, one line of a file. */
export interface PolicyDifference extends SeenDifference {
  /** Digest of the bundle, as in the decision records. */
  readonly bundle: string;
  /** The policies of the bundle whose action scope admits the class. */
  readonly policies: readonly { readonly id: string; readonly text: string }[];
}

/** From a deciding thread to the main thread. */
export type ToHub =
  /** It has asked: the reference thread has to run. */
  { readonly type: 'wanted' } | { readonly type: 'difference'; readonly difference: SeenDifference };

/** From the main thread to a deciding thread. */
export type ToClient =
  /** What waits is lost, and there is another port to ask over; absent: there is none for now. */
  | { readonly type: 'port'; readonly port: MessagePort | undefined }
  /** The class of that index is the reference engine's from now on. */
  | { readonly type: 'distrust'; readonly index: number };

/** With this a deciding thread asks the reference engine. Postable once, with `control` and `port` transferred. */
export interface ReferenceAccess {
  /** To the main thread. */
  readonly control: MessagePort;
  /** To the reference thread. */
  readonly port: MessagePort;
  /** See `ReferenceCounts`. */
  readonly counts: SharedArrayBuffer;
  /** Indexes of classes that are the reference engine's already. */
  readonly distrusted: readonly number[];
}
