import { CELL } from './account-layout.ts';
import type { BlockPool } from './block-pool.ts';
import type { Memory } from './memory.ts';

const MAX_DIGESTS = 64;
// A digest: four cells, and the instant it was charged.
const EACH_WORDS = 3;

/** Words of a session's block: how many there are, and they, the newest last. */
export const DIGESTS_WORDS = 1 + MAX_DIGESTS * EACH_WORDS;

/**
 * When the calls that a session made under an idempotency key were charged last: 64 of them, the oldest out. `cell` is the
 * first of a session's slot; a digest is four cells.
 */
export class RecentDigests {
  readonly #memory: Memory;
  readonly #blocks: BlockPool;

  constructor(memory: Memory, blocks: BlockPool) {
    this.#memory = memory;
    this.#blocks = blocks;
  }

  /** Milliseconds since a call of that digest was charged; -1 where none is known. */
  age(cell: number, digest: Uint32Array, nowMs: number): number {
    const block = this.#memory.cells[cell + CELL.digests] ?? 0;
    const at = block === 0 ? 0 : this.#find(block, digest);
    return at === 0 ? -1 : Math.max(0, nowMs - (this.#memory.words[at + 2] ?? 0));
  }

  /** Where there is no block left, the digest is not kept, and an equal call is charged again. */
  charged(cell: number, digest: Uint32Array, nowMs: number): void {
    const { cells, words } = this.#memory;
    let block = cells[cell + CELL.digests] ?? 0;
    if (block === 0) {
      block = this.#blocks.take();
      if (block === 0) return;
      cells[cell + CELL.digests] = block;
    }
    let count = words[block] ?? 0;
    const known = this.#find(block, digest);
    const gone = known !== 0 ? known : count === MAX_DIGESTS ? block + 1 : 0;
    if (gone !== 0) {
      words.copyWithin(gone, gone + EACH_WORDS, block + 1 + count * EACH_WORDS);
      count -= 1;
    }
    const at = block + 1 + count * EACH_WORDS;
    cells.set(digest, at * 2);
    words[at + 2] = nowMs;
    words[block] = count + 1;
  }

  /** @returns the first word, or 0 */
  #find(block: number, digest: Uint32Array): number {
    const { cells, words } = this.#memory;
    const end = block + 1 + (words[block] ?? 0) * EACH_WORDS;
    for (let at = block + 1; at < end; at += EACH_WORDS) {
      const first = at * 2;
      if (
        cells[first] === digest[0] &&
        cells[first + 1] === digest[1] &&
        cells[first + 2] === digest[2] &&
        cells[first + 3] === digest[3]
      ) {
        return at;
      }
    }
    return 0;
  }
}
