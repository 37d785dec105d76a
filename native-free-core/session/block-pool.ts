import type { Memory } from './memory.ts';

/** Blocks of one width, taken and given back one by one. The free ones are a list in their own first cells. */
export class BlockPool {
  readonly #memory: Memory;
  readonly #width: number;
  readonly #end: number;
  #next: number;
  #free = 0;

  /** @param at first word of `width * max` words; never 0 */
  constructor(memory: Memory, at: number, width: number, max: number) {
    this.#memory = memory;
    this.#width = width;
    this.#next = at;
    this.#end = at + width * max;
  }

  /** The first word of a block of zeros, or 0 where all are in use. */
  take(): number {
    const { cells, words } = this.#memory;
    const at = this.#free;
    if (at !== 0) {
      this.#free = cells[at * 2] ?? 0;
      words.fill(0, at, at + this.#width);
      return at;
    }
    if (this.#next >= this.#end) return 0;
    this.#next += this.#width;
    return this.#next - this.#width;
  }

  giveBack(at: number): void {
    this.#memory.cells[at * 2] = this.#free;
    this.#free = at;
  }
}
