import { MAX_BODIES_BYTES, MAX_DISCARDED_BYTES } from './port.ts';

const NOTHING = new Uint8Array(0);

/** What the bodies of one adapter hold together. */
export class BodyMemory {
  readonly #max: number;
  #held = 0;

  constructor(max: number = MAX_BODIES_BYTES) {
    this.#max = max;
  }

  /** @returns false where there is no room, and nothing was taken */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#max) return false;
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/** What became of a chunk: taken; dropped, the body is refused at its end; or reading on is not worth it. */
export type Added = 'taken' | 'dropped' | 'enough';

const FIRST_CAPACITY = 1024;

/**
 * Collects one body within its bound and that of all bodies, in one buffer that grows: what a sender cuts into single bytes
 * takes no more than what it sends at once. `free` has to follow.
 */
export class BodyCollector {
  readonly #memory: BodyMemory;
  readonly #maxBytes: number;
  #buffer: Uint8Array<ArrayBuffer> = NOTHING;
  /** Bytes that came, also those that were dropped. */
  #length = 0;
  #held = 0;
  #crowded = false;

  constructor(memory: BodyMemory, maxBytes: number) {
    this.#memory = memory;
    this.#maxBytes = maxBytes;
  }

  /** @param chunk copied: its memory may be used again by who gave it */
  add(chunk: Uint8Array): Added {
    const before = this.#length;
    this.#length += chunk.length;
    if (this.#length > this.#maxBytes + MAX_DISCARDED_BYTES) return 'enough';
    if (this.#crowded) return 'dropped';
    if (this.#length > this.#maxBytes) {
      this.#drop();
      return 'dropped';
    }
    if (!this.#reserve(before)) {
      this.#crowded = true;
      this.#drop();
      return 'dropped';
    }
    this.#buffer.set(chunk, before);
    return 'taken';
  }

  get tooLong(): boolean {
    return this.#length > this.#maxBytes;
  }

  /** There was no room for it beside others. */
  get crowded(): boolean {
    return this.#crowded;
  }

  /** All bytes, in a buffer that holds nothing else. */
  bytes(): Uint8Array {
    return this.#length === this.#buffer.length ? this.#buffer : this.#buffer.slice(0, this.#length);
  }

  /** The request is answered, or gone. Idempotent. */
  free(): void {
    this.#drop();
  }

  /** Makes room for everything that came. @returns false where all bodies together have none */
  #reserve(used: number): boolean {
    if (this.#length <= this.#buffer.length) return true;
    // The first chunk is nearly always the whole body, and its buffer is handed on as it is.
    const doubled = used === 0 ? this.#length : Math.max(FIRST_CAPACITY, this.#buffer.length * 2);
    const capacity = Math.max(this.#length, Math.min(this.#maxBytes, doubled));
    if (!this.#memory.take(capacity - this.#held)) return false;
    this.#held = capacity;
    const larger = new Uint8Array(capacity);
    larger.set(this.#buffer.subarray(0, used));
    this.#buffer = larger;
    return true;
  }

  #drop(): void {
    this.#memory.give(this.#held);
    this.#held = 0;
    this.#buffer = NOTHING;
  }
}
