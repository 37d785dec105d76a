import type { ActionClassInfo, Bundle, PolicyEngine, PolicyQuery, PolicyVerdict } from '@firma/core';
import { cedarModule } from '../cedar-module.ts';
import { entryPoint } from '../entry-point.ts';
import { copyQuery } from './copy-query.ts';
import { ReferenceThread, type ReferenceThreadOptions } from './reference-thread.ts';
import { sameVerdict } from './same-verdict.ts';

/** The engine that decides. */
export interface ShadowableEngine extends PolicyEngine {
  /** From now on, until its next bundle, queries of this class are answered by the reference engine. */
  distrust(action: ActionClassInfo): void;
}

/** A decision on which the engines differ, with all it takes to see it again. Plain data; it holds no credential. */
export interface PolicyDifference {
  /** Digest of the bundle, as in the decision records. */
  readonly bundle: string;
  /** Number of the sample, from 1. */
  readonly ordinal: number;
  readonly query: PolicyQuery;
  readonly engine: string;
  /** What the call got. */
  readonly verdict: PolicyVerdict;
  /** What the same engine said when it was asked again. */
  readonly again: PolicyVerdict;
  readonly reference: PolicyVerdict;
  /** The policies of the bundle whose action scope admits the class. */
  readonly policies: readonly { readonly id: string; readonly text: string }[];
}

/** Every sample ends in one of the others, or still waits. */
export interface ShadowCounts {
  readonly sampled: number;
  readonly agreed: number;
  /** Differences that a second evaluation showed too. */
  readonly differed: number;
  /** Differences that it did not show. */
  readonly unconfirmed: number;
  /** The reference engine did not answer: it failed, took too long, or its thread is gone. */
  readonly unanswered: number;
  /** Not looked at, because too many samples waited. */
  readonly dropped: number;
}

export interface ShadowOptions extends Partial<
  Pick<ReferenceThreadOptions, 'worker' | 'timeoutMs' | 'startTimeoutMs' | 'restartMs'>
> {
  /** The bundle that `engine` decides with, and stays with. */
  readonly bundle: Bundle;
  readonly bundleDigest: string;
  /** Of all queries, 0 to 1. */
  readonly share: number;
  /** Uniform, at least 0 and below 1. */
  readonly random: () => number;
  /** Most samples that wait; 1,000 by default. */
  readonly capacity?: number;
  /** Told of the first confirmed difference of each class, which is distrusted by then. Must not throw. */
  readonly onDifference: (difference: PolicyDifference) => void;
  /** Told, the first time, why the thread ended by itself. Must not throw. */
  readonly onUnavailable: (detail: string) => void;
}

type Outcome = Exclude<keyof ShadowCounts, 'sampled' | 'dropped'>;

const CAPACITY = 1000;
// The first sample of a class has its policies parsed: 10,000 take seconds where the processor is free.
const TIMEOUT_MS = 30_000;
const START_TIMEOUT_MS = 60_000;
// Posting a bundle of 10,000 policies holds the deciding thread for a moment, so not over and over.
const RESTART_MS = 60_000;

/**
 * Shadow mode: an engine whose answers are looked at again, in part, by the reference engine in another thread.
 *
 * The answer is always that of the engine, and nothing waits for the other: a sampled query costs a copy. Where both
 * stand by different answers the class is decided by the reference engine from then on. It shadows one bundle; another
 * bundle gets another engine.
 */
export class ShadowedEngine implements PolicyEngine {
  readonly name: string;
  readonly #engine: ShadowableEngine;
  readonly #options: ShadowOptions;
  readonly #thread: ReferenceThread;
  readonly #capacity: number;
  /** Classes, by index, of which a difference is confirmed. */
  readonly #distrusted = new Set<number>();
  #waiting = 0;
  readonly #counts = { sampled: 0, agreed: 0, differed: 0, unconfirmed: 0, unanswered: 0, dropped: 0 };

  constructor(engine: ShadowableEngine, options: ShadowOptions) {
    this.name = engine.name;
    this.#engine = engine;
    this.#options = options;
    this.#capacity = options.capacity ?? CAPACITY;
    this.#thread = new ReferenceThread({
      worker: options.worker ?? entryPoint('pool/shadow-worker.js'),
      task: { cedar: cedarModule(), bundle: options.bundle },
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      startTimeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
      restartMs: options.restartMs ?? RESTART_MS,
      onUnavailable: options.onUnavailable,
    });
  }

  /** A copy: later counting does not change it. */
  get counts(): ShadowCounts {
    return { ...this.#counts };
  }

  evaluate(query: PolicyQuery): PolicyVerdict | Promise<PolicyVerdict> {
    const verdict = this.#engine.evaluate(query);
    // The reference engine has answered for a distrusted class already.
    const isOurs = !this.#distrusted.has(query.action.index);
    if (isOurs && this.#options.random() < this.#options.share) this.#sample(query, verdict);
    return verdict;
  }

  /** Ends the thread. What still waits counts as unanswered; calls are decided as before. */
  close(): Promise<void> {
    return this.#thread.close();
  }

  #sample(live: PolicyQuery, answered: PolicyVerdict | Promise<PolicyVerdict>): void {
    this.#counts.sampled += 1;
    if (this.#waiting >= this.#capacity) {
      this.#counts.dropped += 1;
      return;
    }
    this.#waiting += 1;
    void this.#settle(this.#compare(this.#counts.sampled, live, answered));
  }

  async #settle(comparing: Promise<Outcome>): Promise<void> {
    const outcome = await comparing.catch((): Outcome => 'unanswered');
    this.#counts[outcome] += 1;
    this.#waiting -= 1;
  }

  async #compare(
    ordinal: number,
    live: PolicyQuery,
    answered: PolicyVerdict | Promise<PolicyVerdict>,
  ): Promise<Outcome> {
    // Before anything is awaited: the session goes on, and the copy is what it was at this decision.
    const query = copyQuery(live);
    const verdict = await answered;
    const finding = await this.#thread.look({ query, verdict });
    if (finding.kind !== 'differs') return finding.kind;
    // Asked again, a class that is distrusted already is answered by the reference engine.
    if (this.#distrusted.has(query.action.index)) return 'differed';
    const again = await this.#engine.evaluate(query);
    if (sameVerdict(again, finding.reference)) return 'unconfirmed';
    this.#confirmed({ ordinal, query, verdict, again, reference: finding.reference });
    return 'differed';
  }

  #confirmed(seen: Pick<PolicyDifference, 'ordinal' | 'query' | 'verdict' | 'again' | 'reference'>): void {
    const { action } = seen.query;
    if (this.#distrusted.has(action.index)) return;
    this.#distrusted.add(action.index);
    this.#engine.distrust(action);
    const { bundle, bundleDigest, onDifference } = this.#options;
    const concerned = bundle.policies.filter((policy) => policy.classes[action.index] === 1);
    const policies = concerned.map(({ id, text }) => ({ id, text }));
    onDifference({ ...seen, bundle: bundleDigest, engine: this.#engine.name, policies });
  }
}
