import { MAX_BODY_BYTES, MAX_DISCARDED_BYTES } from './port.ts';

/** Collects one body within its bound. */
export class BodyCollector {
  #chunks: Uint8Array[] = [];
  #length = 0;

  /**
   * @param chunk copied: its memory may be used again by who gave it
   * @returns false where so much came that reading on is not worth it
   */
  add(chunk: Uint8Array): boolean {
    this.#length += chunk.length;
    if (this.#length <= MAX_BODY_BYTES) this.#chunks.push(new Uint8Array(chunk));
    else this.#chunks = [];
    return this.#length <= MAX_DISCARDED_BYTES;
  }

  get tooLong(): boolean {
    return this.#length > MAX_BODY_BYTES;
  }

  /** All bytes, in a buffer that holds nothing else. */
  bytes(): Uint8Array {
    const [first] = this.#chunks;
    if (first !== undefined && this.#chunks.length === 1) return first;
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}
