import type { WallClock } from './ports.ts';

/**
 * Unix time that never runs backwards: where the wall clock steps back, time stands still until it has caught up,
 * so a token that expired stays expired.
 */
export class MonotonicClock {
  readonly #wall: WallClock;
  #latestMs = 0;
  #prefixSec = -1;
  #prefix = '';

  constructor(wall: WallClock) {
    this.#wall = wall;
  }

  /** Milliseconds, with a fraction where the wall clock has one. @param monotonicMs as of `WallClock` */
  nowMs(monotonicMs?: number): number {
    const now = this.#wall(monotonicMs);
    if (now > this.#latestMs) this.#latestMs = now;
    return this.#latestMs;
  }

  /** RFC 3339 in UTC with nine digits of a second. Cost: one string; the part down to the second is kept. */
  rfc3339(ms: number): string {
    const sec = Math.floor(ms / 1000);
    if (sec !== this.#prefixSec) {
      this.#prefixSec = sec;
      this.#prefix = new Date(sec * 1000).toISOString().slice(0, 20);
    }
    // Microseconds are what a double holds of today's Unix time; the last three digits are zero.
    const micros = Math.floor((ms - sec * 1000) * 1000);
    return `${this.#prefix}${String(1_000_000 + Math.min(micros, 999_999)).slice(1)}000Z`;
  }
}
