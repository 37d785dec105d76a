import { HOME } from './memory.ts';
import type { Memory } from './memory.ts';

const OWNER = 0xff;
const AWAITED = 0x100;
const SPINS = 500;
const PAUSE_MS = 10;
// A quarter of a second: a decision takes some microseconds, and a thread that has to wait for its core some milliseconds.
const HOME_PAUSES = 25;

/**
 * The home waited too long for a lock: the thread that holds it may be gone. Only the home's event loop learns of that, so
 * it must not wait for ever.
 */
export class LockStuck extends Error {
  constructor() {
    super('another thread does not let go of a session, an agent or the sidecar');
  }
}

/**
 * A few mutexes over many slots: free (0), or the number of the thread that holds one, plus 1, and whether another waits.
 *
 * INVARIANT: whoever takes several takes a session's first, then an agent's, then the sidecar's, then those of names,
 * index and blocks; nobody waits for anything else while one is held.
 */
export class Locks {
  readonly #ints: Int32Array;
  readonly #at: number;
  readonly #mask: number;
  readonly #me: number;
  readonly #pauses: number;
  #stuck = -1;

  /** @param count a power of two; so many cells from `cell` on */
  constructor(memory: Memory, cell: number, count: number) {
    this.#ints = memory.ints;
    this.#at = cell;
    this.#mask = count - 1;
    this.#me = memory.thread + 1;
    this.#pauses = memory.thread === HOME ? HOME_PAUSES : Infinity;
  }

  /** @throws LockStuck in the home alone */
  lock(slot: number): void {
    const at = this.#at + (slot & this.#mask);
    if (Atomics.compareExchange(this.#ints, at, 0, this.#me) !== 0) this.#wait(at);
  }

  unlock(slot: number): void {
    const at = this.#at + (slot & this.#mask);
    if ((Atomics.exchange(this.#ints, at, 0) & AWAITED) !== 0) Atomics.notify(this.#ints, at, 1);
  }

  /** Home only: what a thread that is gone held is this thread's now. @returns whether it held any */
  takeOver(thread: number): boolean {
    let held = false;
    this.#stuck = -1;
    for (let at = this.#at; at <= this.#at + this.#mask; at++) {
      // Who waits may mark the lock meanwhile.
      for (;;) {
        const seen = Atomics.load(this.#ints, at);
        if ((seen & OWNER) !== thread + 1) break;
        held = true;
        if (Atomics.compareExchange(this.#ints, at, seen, (seen & AWAITED) | this.#me) === seen) break;
      }
    }
    return held;
  }

  /** Home only: lets go of everything that this thread holds. Not within a turn. */
  unlockAll(): void {
    for (let slot = 0; slot <= this.#mask; slot++) {
      if ((Atomics.load(this.#ints, this.#at + slot) & OWNER) === this.#me) this.unlock(slot);
    }
  }

  #wait(at: number): void {
    const ints = this.#ints;
    for (let spins = 0; spins < SPINS; spins++) {
      if (Atomics.load(ints, at) === 0 && Atomics.compareExchange(ints, at, 0, this.#me) === 0) return;
    }
    // What was in the way just now is likely to be still, and every caller would wait for it.
    for (let pauses = at === this.#stuck ? this.#pauses - 1 : 0; ;) {
      const seen = Atomics.load(ints, at);
      if (seen === 0) {
        // Others may wait as well, which this one cannot know.
        if (Atomics.compareExchange(ints, at, 0, this.#me | AWAITED) === 0) return;
        continue;
      }
      const awaited = seen | AWAITED;
      if (seen !== awaited && Atomics.compareExchange(ints, at, seen, awaited) !== seen) continue;
      if (!pause(ints, at, awaited)) continue;
      pauses += 1;
      if (pauses < this.#pauses) continue;
      this.#stuck = at;
      throw new LockStuck();
    }
  }
}

/** @returns whether the whole pause passed */
function pause(ints: Int32Array, at: number, value: number): boolean {
  try {
    return Atomics.wait(ints, at, value, PAUSE_MS) === 'timed-out';
  } catch {
    // An embedder's main thread may not wait.
    for (let spins = 0; spins < 1_000_000; spins++) if (Atomics.load(ints, at) !== value) return false;
    return true;
  }
}
