import type { Outcome, Reason } from '@firma/core';
import {
  AT,
  BOUNDS_US,
  COUNTED,
  type Counted,
  HISTOGRAM_PLACES,
  OUTCOMES,
  REASONS,
  REGION_PLACES,
  TIMED,
} from './series.ts';

/** The regions of so many threads. Plain: a thread gets it by message. */
export function sharedStats(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * REGION_PLACES * Float64Array.BYTES_PER_ELEMENT);
}

/** A part of a decision that took so many microseconds. */
interface Durations {
  readonly normalize: number;
  readonly capability: number;
  readonly policy: number;
  readonly total: number;
}

const OUTCOME_PLACE = new Map<string, number>(OUTCOMES.map((name, index) => [name, index * REASONS.length]));
const REASON_PLACE = new Map<string, number>(REASONS.map((name, index) => [name, index]));
const REQUEST = TIMED.indexOf('request');

/**
 * What one thread counts, in a region of its own of the shared memory: it alone writes there, everybody may read.
 *
 * Cost of a decision: some eight additions.
 */
export class ThreadStats {
  readonly #places: Float64Array;

  /** @param thread which region is this thread's, from 0 */
  constructor(shared: SharedArrayBuffer, thread: number) {
    const bytes = REGION_PLACES * Float64Array.BYTES_PER_ELEMENT;
    this.#places = new Float64Array(shared, thread * bytes, REGION_PLACES);
  }

  decided(outcome: Outcome, reason: Reason, durations: Durations): void {
    const at = AT.decisions + (OUTCOME_PLACE.get(outcome) ?? 0) + (REASON_PLACE.get(reason) ?? 0);
    this.#places[at] = (this.#places[at] ?? 0) + 1;
    this.#observe(0, durations.normalize);
    this.#observe(1, durations.capability);
    this.#observe(2, durations.policy);
    this.#observe(3, durations.total);
  }

  /** A request of the decision API, from its first byte here to its answer. */
  served(microseconds: number): void {
    this.#observe(REQUEST, microseconds);
  }

  /** One more. */
  counted(counter: Counted): void {
    const at = AT.counters + COUNTED.indexOf(counter);
    this.#places[at] = (this.#places[at] ?? 0) + 1;
  }

  /** Says how far a counter has come that is kept elsewhere. */
  reached(counter: Counted, total: number): void {
    this.#places[AT.counters + COUNTED.indexOf(counter)] = total;
  }

  #observe(timed: number, microseconds: number): void {
    const at = AT.histograms + timed * HISTOGRAM_PLACES;
    let bucket = 0;
    while (bucket < BOUNDS_US.length && microseconds > (BOUNDS_US[bucket] ?? 0)) bucket++;
    this.#places[at + bucket] = (this.#places[at + bucket] ?? 0) + 1;
    const sum = at + HISTOGRAM_PLACES - 1;
    this.#places[sum] = (this.#places[sum] ?? 0) + microseconds;
  }
}
