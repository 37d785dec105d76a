import { BlockPool, poolWords } from './block-pool.ts';
import type { Memory } from './memory.ts';

// A block is 32 bytes: a link to the next, and bytes. The first has the length in between.
const BLOCK_WORDS = 4;
const BLOCK_BYTES = BLOCK_WORDS * 8;
const FIRST_AT = 8;
const NEXT_AT = 4;
const WIDE = 2 ** 31;
const MAX_CHARS = 65_535;

/** Words of a store of so many blocks. */
export function textWords(blocks: number): number {
  return poolWords(BLOCK_WORDS, blocks);
}

/** Texts that any thread can read: one byte a character where all of them fit that, else two. */
export class TextStore {
  readonly #memory: Memory;
  readonly pool: BlockPool;

  constructor(memory: Memory, blocks: number) {
    this.#memory = memory;
    this.pool = new BlockPool(memory, BLOCK_WORDS, blocks);
  }

  /** @returns the first word of a text, never 0; 0 where there is no room for it */
  put(text: string): number {
    if (text.length > MAX_CHARS) return 0;
    const { bytes, cells } = this.#memory;
    const first = this.pool.take();
    if (first === 0) return 0;
    let isWide = false;
    for (let index = 0; index < text.length && !isWide; index++) isWide = text.charCodeAt(index) > 255;
    cells[first * 2 + 1] = text.length + (isWide ? WIDE : 0);
    let block = first;
    let at = block * 8 + FIRST_AT;
    for (let index = 0; index < text.length; index++) {
      // Both bytes of a character are in one block: what a block holds is even.
      if (at === (block + BLOCK_WORDS) * 8) {
        const next = this.pool.take();
        if (next === 0) {
          this.drop(first);
          return 0;
        }
        cells[block * 2] = next;
        block = next;
        at = block * 8 + NEXT_AT;
      }
      const code = text.charCodeAt(index);
      bytes[at++] = code & 255;
      if (isWide) bytes[at++] = code >> 8;
    }
    return first;
  }

  read(first: number): string {
    if (first === 0) return '';
    const { bytes, cells } = this.#memory;
    const size = cells[first * 2 + 1] ?? 0;
    const isWide = size >= WIDE;
    let text = '';
    let block = first;
    let at = block * 8 + FIRST_AT;
    for (let left = isWide ? size - WIDE : size; left > 0; left--) {
      if (at === (block + BLOCK_WORDS) * 8) {
        block = cells[block * 2] ?? 0;
        // Only a text that was dropped meanwhile ends early.
        if (block === 0) break;
        at = block * 8 + NEXT_AT;
      }
      const low = bytes[at++] ?? 0;
      text += String.fromCharCode(isWide ? low + (bytes[at++] ?? 0) * 256 : low);
    }
    return text;
  }

  drop(first: number): void {
    const { cells } = this.#memory;
    for (let block = first; block !== 0;) {
      const next = cells[block * 2] ?? 0;
      this.pool.giveBack(block);
      block = next;
    }
  }
}

/** Blocks that a text of so many characters of one byte takes. */
export function textBlocks(chars: number): number {
  return 1 + Math.ceil(Math.max(0, chars - (BLOCK_BYTES - FIRST_AT)) / (BLOCK_BYTES - NEXT_AT));
}
