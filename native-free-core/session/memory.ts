/**
 * The one buffer behind a session table, and its three views. It is as large as everything in it at its bound; pages
 * that nothing touched cost nothing.
 *
 * A word is a Float64, 8 bytes; a cell is a Uint32. Word `w` begins at cell `2 * w`.
 */
export class Memory {
  readonly words: Float64Array;
  readonly cells: Uint32Array;
  readonly ints: Int32Array;
  #taken = 0;

  constructor(words: number) {
    const bytes = words * 8;
    // Some embedders have no shared memory; one thread needs none.
    const buffer =
      typeof SharedArrayBuffer === 'function' ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
    this.words = new Float64Array(buffer);
    this.cells = new Uint32Array(buffer);
    this.ints = new Int32Array(buffer);
  }

  /** The next region, as its first word. Only while the table is made. */
  region(words: number): number {
    const at = this.#taken;
    this.#taken += words;
    if (this.#taken > this.words.length) throw new RangeError('the session memory was sized too small');
    return at;
  }
}

/**
 * Locks of accounts, a few accounts to a lock. Held for a handful of additions, so a waiter spins.
 *
 * INVARIANT: whoever takes several takes a session's first, then an agent's, then the sidecar's; nothing throws or
 * waits while one is held.
 */
export class StripedLocks {
  readonly #ints: Int32Array;
  readonly #at: number;
  readonly #mask: number;

  /** @param stripes a power of two, in `stripes / 2` words from `word` on */
  constructor(memory: Memory, word: number, stripes: number) {
    this.#ints = memory.ints;
    this.#at = word * 2;
    this.#mask = stripes - 1;
  }

  lock(slot: number): void {
    const at = this.#at + (slot & this.#mask);
    while (Atomics.compareExchange(this.#ints, at, 0, 1) !== 0);
  }

  unlock(slot: number): void {
    Atomics.store(this.#ints, this.#at + (slot & this.#mask), 0);
  }
}
