import { randomFrom, shuffled } from './random.ts';
import { MAX_CALLS } from './request-file.ts';
import type { BenchCall } from './rule-calls.ts';

/** No session comes near a limit that is meant for runaways, unless there are many calls for few sessions. */
const CALLS_A_SESSION = 8;

/** The order in which calls are made in one lap, and by which session each. */
export interface Schedule {
  readonly calls: readonly BenchCall[];
  /** By position: an index into `calls`. */
  readonly order: readonly number[];
  /** By position: from 0 on. */
  readonly sessions: readonly number[];
}

/** Every call at least once, in an order and from sessions that hang on the seed alone. */
export function scheduleOf(given: readonly BenchCall[], sessions: number, seed: number): Schedule {
  const random = randomFrom(seed);
  const calls = shuffled(given, random).slice(0, MAX_CALLS);
  const positions = Math.max(sessions * CALLS_A_SESSION, calls.length);
  const each = Array.from({ length: positions }, (_, position) => position % calls.length);
  return {
    calls,
    order: shuffled(each, random),
    sessions: each.map(() => Math.floor(random() * sessions)),
  };
}
