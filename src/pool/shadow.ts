import {
  ACTION_CLASSES,
  type ActionClassInfo,
  type PolicyEngine,
  type PolicyQuery,
  type PolicyVerdict,
} from '@firma/core';
import { copyQuery } from './copy-query.ts';
import type { ReferenceClient } from './reference-client.ts';
import type { Counts } from './reference-counts.ts';
import { sameVerdict } from './same-verdict.ts';

/** The engine that decides. */
export interface ShadowableEngine extends PolicyEngine {
  /** From now on, until its next bundle, queries of this class are answered by the reference engine. */
  distrust(action: ActionClassInfo): void;
}

export interface ShadowOptions {
  /** Looks at decisions of the bundle that `engine` decides with, and stays with. */
  readonly reference: Pick<ReferenceClient, 'look' | 'tell' | 'count'>;
  /** Of all queries, 0 to 1. */
  readonly share: number;
  /** Uniform, at least 0 and below 1. */
  readonly random: () => number;
  /** Most samples that wait; 1,000 by default. */
  readonly capacity?: number;
}

/**
 * Every sample ends in one of the others, or still waits.
 *
 * `differed`: a second evaluation showed the difference too; `unconfirmed`: it did not. `unanswered`: the reference engine
 * failed, took too long, or its thread is gone. `dropped`: not looked at, because too many samples waited.
 */
export type ShadowCounts = Omit<Counts, 'declined'>;

type Outcome = Exclude<keyof ShadowCounts, 'sampled' | 'dropped'>;

const CAPACITY = 1000;

/**
 * Shadow mode: an engine whose answers are looked at again, in part, by the reference engine in another thread.
 *
 * The answer is always that of the engine, and nothing waits for the other: a sampled query costs a copy. Where both
 * stand by different answers the class is decided by the reference engine from then on, in every thread. It shadows one
 * bundle; another bundle gets another engine.
 */
export class ShadowedEngine implements PolicyEngine {
  readonly name: string;
  readonly #engine: ShadowableEngine;
  readonly #options: ShadowOptions;
  readonly #capacity: number;
  /** Classes, by index, of which a difference is confirmed. */
  readonly #distrusted = new Set<number>();
  #waiting = 0;

  constructor(engine: ShadowableEngine, options: ShadowOptions) {
    this.name = engine.name;
    this.#engine = engine;
    this.#options = options;
    this.#capacity = options.capacity ?? CAPACITY;
  }

  evaluate(query: PolicyQuery): PolicyVerdict | Promise<PolicyVerdict> {
    const verdict = this.#engine.evaluate(query);
    // The reference engine has answered for a distrusted class already.
    const isOurs = !this.#distrusted.has(query.action.index);
    if (isOurs && this.#options.random() < this.#options.share) this.#sample(query, verdict);
    return verdict;
  }

  /** Leaves a class to the reference engine from now on: some thread has confirmed a difference. */
  distrust(index: number): void {
    const action = ACTION_CLASSES[index];
    if (action === undefined) return;
    this.#distrusted.add(index);
    this.#engine.distrust(action);
  }

  #sample(live: PolicyQuery, answered: PolicyVerdict | Promise<PolicyVerdict>): void {
    const ordinal = this.#options.reference.count('sampled');
    if (this.#waiting >= this.#capacity) {
      this.#options.reference.count('dropped');
      return;
    }
    this.#waiting += 1;
    void this.#settle(this.#compare(ordinal, live, answered));
  }

  async #settle(comparing: Promise<Outcome>): Promise<void> {
    const outcome = await comparing.catch((): Outcome => 'unanswered');
    this.#options.reference.count(outcome);
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
    const finding = await this.#options.reference.look({ query, verdict });
    if (finding.kind !== 'differs') return finding.kind;
    const { action } = query;
    // Asked again, a class that is distrusted already is answered by the reference engine.
    if (this.#distrusted.has(action.index)) return 'differed';
    const again = await this.#engine.evaluate(query);
    const { reference } = finding;
    if (sameVerdict(again, reference)) return 'unconfirmed';
    if (!this.#distrusted.has(action.index)) {
      this.distrust(action.index);
      this.#options.reference.tell({ ordinal, query, engine: this.name, verdict, again, reference });
    }
    return 'differed';
  }
}
