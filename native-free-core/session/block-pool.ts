import { Locks } from './locks.ts';
import type { Memory } from './memory.ts';

// Cells of a pool's state: blocks ever taken, the first word of a free one, how many are in use, and the lock.
const REACHED = 0;
const FREE = 1;
const USED = 2;
const LOCK = 3;
const STATE_WORDS = 2;

/** Words of a pool of so many blocks. */
export function poolWords(width: number, max: number): number {
  return STATE_WORDS + width * max;
}

/**
 * Blocks of one width, taken and given back one by one, by any thread. The free ones are a list in their own first cells.
 *
 * INVARIANT: a block is taken and given back with one write, so a thread that dies in between loses a block at most.
 */
export class BlockPool {
  readonly #memory: Memory;
  readonly #width: number;
  readonly #max: number;
  readonly #state: number;
  readonly #first: number;
  readonly locks: Locks;

  /** Takes a region of `poolWords`; the memory's first words must be taken before, since no block is at word 0. */
  constructor(memory: Memory, width: number, max: number) {
    this.#memory = memory;
    this.#width = width;
    this.#max = max;
    const word = memory.region(poolWords(width, max));
    this.#state = word * 2;
    this.#first = word + STATE_WORDS;
    this.locks = new Locks(memory, this.#state + LOCK, 1);
  }

  /** The first word of a block of zeros, or 0 where all are in use. */
  take(): number {
    const { cells, words } = this.#memory;
    this.locks.lock(0);
    let at = cells[this.#state + FREE] ?? 0;
    const isUsed = at !== 0;
    if (isUsed) cells[this.#state + FREE] = cells[at * 2] ?? 0;
    else {
      const reached = cells[this.#state + REACHED] ?? 0;
      if (reached < this.#max) {
        at = this.#first + reached * this.#width;
        cells[this.#state + REACHED] = reached + 1;
      }
    }
    if (at !== 0) cells[this.#state + USED] = (cells[this.#state + USED] ?? 0) + 1;
    this.locks.unlock(0);
    if (isUsed) words.fill(0, at, at + this.#width);
    return at;
  }

  giveBack(at: number): void {
    const { cells } = this.#memory;
    this.locks.lock(0);
    cells[at * 2] = cells[this.#state + FREE] ?? 0;
    cells[this.#state + FREE] = at;
    cells[this.#state + USED] = (cells[this.#state + USED] ?? 0) - 1;
    this.locks.unlock(0);
  }

  /** Whether more than seven of eight blocks are in use. May be old. */
  get isScarce(): boolean {
    return (this.#memory.cells[this.#state + USED] ?? 0) > this.#max - this.#max / 8;
  }
}
