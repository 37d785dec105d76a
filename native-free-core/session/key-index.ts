import type { Memory } from './memory.ts';

/** Words that an index of so many keys needs. */
export function indexWords(max: number): number {
  return capacity(max) / 2;
}

function capacity(max: number): number {
  let size = 4;
  while (size < max * 2) size *= 2;
  return size;
}

/**
 * Finds slots by key: open addressing with linear probing, at most half full, in the buffer. Keys are digests, so their
 * first cell is hash enough, and nobody chooses it.
 *
 * @param slots the first cell of the first slot's key, and cells from one slot to the next; a key is four cells
 */
export class KeyIndex {
  readonly #cells: Uint32Array;
  readonly #at: number;
  readonly #mask: number;
  readonly #slots: number;
  readonly #slotCells: number;

  constructor(memory: Memory, word: number, max: number, slots: number, slotCells: number) {
    this.#cells = memory.cells;
    this.#at = word * 2;
    this.#mask = capacity(max) - 1;
    this.#slots = slots;
    this.#slotCells = slotCells;
  }

  /** @returns the slot, or -1 */
  find(key: Uint32Array): number {
    const cells = this.#cells;
    const k0 = key[0] ?? 0;
    for (let place = k0 & this.#mask; ; place = (place + 1) & this.#mask) {
      const entry = cells[this.#at + place] ?? 0;
      if (entry === 0) return -1;
      const at = this.#slots + (entry - 1) * this.#slotCells;
      if (
        cells[at] === k0 &&
        cells[at + 1] === key[1] &&
        cells[at + 2] === key[2] &&
        cells[at + 3] === key[3]
      ) {
        return entry - 1;
      }
    }
  }

  /** Adds a slot whose key is written and not in the index yet. */
  add(slot: number): void {
    let place = this.#home(slot);
    while (this.#cells[this.#at + place] !== 0) place = (place + 1) & this.#mask;
    this.#cells[this.#at + place] = slot + 1;
  }

  /** Takes a slot out; its key still stands in it. */
  remove(slot: number): void {
    const cells = this.#cells;
    let gap = this.#home(slot);
    while (cells[this.#at + gap] !== slot + 1) gap = (gap + 1) & this.#mask;
    // What follows moves up where its own place is not after the gap, so that no search ends early.
    for (let next = (gap + 1) & this.#mask; ; next = (next + 1) & this.#mask) {
      const entry = cells[this.#at + next] ?? 0;
      if (entry === 0) break;
      const home = this.#home(entry - 1);
      if (((next - home) & this.#mask) < ((next - gap) & this.#mask)) continue;
      cells[this.#at + gap] = entry;
      gap = next;
    }
    cells[this.#at + gap] = 0;
  }

  /** Takes everything out. */
  clear(): void {
    this.#cells.fill(0, this.#at, this.#at + this.#mask + 1);
  }

  #home(slot: number): number {
    return (this.#cells[this.#slots + slot * this.#slotCells] ?? 0) & this.#mask;
  }
}
