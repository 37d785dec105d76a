import type { RandomBytes } from './ports.ts';

const POOL_BYTES = 4096;
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex(byte: number | undefined): string {
  return HEX[(byte ?? 0) & 0xff] ?? '00';
}

/**
 * Makes UUIDs of version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits.
 *
 * Randomness is drawn in blocks, so an id costs no system call.
 */
export class EventIds {
  readonly #random: RandomBytes;
  #pool: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(random: RandomBytes) {
    this.#random = random;
  }

  next(nowMs: number): string {
    if (this.#at + 10 > this.#pool.length) {
      this.#pool = this.#random(POOL_BYTES);
      this.#at = 0;
    }
    const pool = this.#pool;
    const at = this.#at;
    this.#at = at + 10;
    const ms = Math.floor(nowMs);
    const high = Math.floor(ms / 0x1_0000);
    return (
      `${hex(high >>> 24)}${hex(high >>> 16)}${hex(high >>> 8)}${hex(high)}` +
      `-${hex(ms >>> 8)}${hex(ms)}` +
      `-${hex(0x70 | ((pool[at] ?? 0) & 0x0f))}${hex(pool[at + 1])}` +
      `-${hex(0x80 | ((pool[at + 2] ?? 0) & 0x3f))}${hex(pool[at + 3])}` +
      `-${hex(pool[at + 4])}${hex(pool[at + 5])}${hex(pool[at + 6])}${hex(pool[at + 7])}${hex(pool[at + 8])}${hex(pool[at + 9])}`
    );
  }
}
