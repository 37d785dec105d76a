import { MAX_BODIES_BYTES, MAX_DISCARDED_BYTES } from './port.ts';

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

/** Collects one body within its bound and that of all bodies. `free` has to follow. */
export class BodyCollector {
  readonly #memory: BodyMemory;
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #length = 0;
  #held = 0;
  #crowded = false;

  constructor(memory: BodyMemory, maxBytes: number) {
    this.#memory = memory;
    this.#maxBytes = maxBytes;
  }

  /** @param chunk copied: its memory may be used again by who gave it */
  add(chunk: Uint8Array): Added {
    this.#length += chunk.length;
    if (this.#length > this.#maxBytes + MAX_DISCARDED_BYTES) return 'enough';
    if (this.#crowded) return 'dropped';
    if (this.#length > this.#maxBytes) {
      this.#drop();
      return 'dropped';
    }
    if (!this.#memory.take(chunk.length)) {
      this.#crowded = true;
      this.#drop();
      return 'dropped';
    }
    this.#held += chunk.length;
    this.#chunks.push(new Uint8Array(chunk));
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
    const [first] = this.#chunks;
    if (first !== undefined && this.#chunks.length === 1) return first;
    const all = new Uint8Array(this.#held);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [];
    return all;
  }

  /** The request is answered, or gone. Idempotent. */
  free(): void {
    this.#drop();
  }

  #drop(): void {
    this.#memory.give(this.#held);
    this.#held = 0;
    this.#chunks = [];
  }
}
