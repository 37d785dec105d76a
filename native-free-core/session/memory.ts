/** The thread that made the table: it opens and drops accounts, and talks to the store. */
export const HOME = 0;
/** Threads of one table at most, the home's included. */
export const MAX_THREADS = 64;

/**
 * The one buffer behind a session table, and its views, as one thread has them. It is as large as everything in it at its
 * bound; pages that nothing touched cost nothing.
 *
 * A word is a Float64, 8 bytes; a cell is a Uint32. Word `w` begins at cell `2 * w`.
 *
 * INVARIANT: every thread takes the same regions in the same order. Whatever stands in one changes under the lock that its
 * owner names, or by the home alone; what is read without that lock may be old, and only ever leads to asking again.
 */
export class Memory {
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  /** Of these views: 0 is the home. */
  readonly thread: number;
  readonly words: Float64Array;
  readonly cells: Uint32Array;
  readonly ints: Int32Array;
  readonly bytes: Uint8Array;
  #taken = 0;

  /** @param of how many words a new one has, or the buffer of another thread's */
  constructor(of: number | SharedArrayBuffer, thread: number) {
    this.buffer = typeof of === 'number' ? newBuffer(of * 8) : of;
    this.thread = thread;
    this.words = new Float64Array(this.buffer);
    this.cells = new Uint32Array(this.buffer);
    this.ints = new Int32Array(this.buffer);
    this.bytes = new Uint8Array(this.buffer);
  }

  /** The next region, as its first word. Only while the table is made. */
  region(words: number): number {
    const at = this.#taken;
    this.#taken += words;
    if (this.#taken > this.words.length) throw new RangeError('the session memory was sized too small');
    return at;
  }
}

function newBuffer(bytes: number): SharedArrayBuffer | ArrayBuffer {
  // Some embedders have no shared memory; one thread needs none.
  return typeof SharedArrayBuffer === 'function' ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
}
