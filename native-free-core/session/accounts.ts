import { CELL, FLAG } from './account-layout.ts';
import { indexWords, KeyIndex } from './key-index.ts';
import type { Memory } from './memory.ts';
import { StripedLocks } from './memory.ts';

/** Slots of a pool at most; a handle is generation × this + slot. */
export const MAX_SLOTS = 2 ** 20;
const MAX_STRIPES = 512;

function stripes(max: number): number {
  let size = 2;
  while (size < max && size < MAX_STRIPES) size *= 2;
  return size;
}

/** Words that a pool of so many accounts needs. */
export function accountsWords(max: number, width: number): number {
  return max * width + indexWords(max) + stripes(max) / 2;
}

/**
 * The accounts of one kind: fixed-width slots, found by key, in the order of their last use.
 *
 * Taking and dropping belong to one thread; what a slot counts is changed under its lock.
 */
export class Accounts {
  readonly locks: StripedLocks;
  readonly max: number;
  readonly #cells: Uint32Array;
  readonly #words: Float64Array;
  readonly #index: KeyIndex;
  readonly #at: number;
  readonly #width: number;
  // The slots that were used before and are free now.
  readonly #free: number[] = [];
  #next = 0;
  #count = 0;
  // Slots plus 1, 0 for none.
  #newest = 0;
  #oldest = 0;

  constructor(memory: Memory, max: number, width: number) {
    this.max = max;
    this.#cells = memory.cells;
    this.#words = memory.words;
    this.#width = width;
    this.#at = memory.region(max * width);
    this.#index = new KeyIndex(
      memory,
      memory.region(indexWords(max)),
      max,
      this.#at * 2 + CELL.key,
      width * 2,
    );
    this.locks = new StripedLocks(memory, memory.region(stripes(max) / 2), stripes(max));
  }

  get count(): number {
    return this.#count;
  }

  /** Slots that were ever in use: 0 to this. */
  get reached(): number {
    return this.#next;
  }

  /** The first word of a slot. */
  word(slot: number): number {
    return this.#at + slot * this.#width;
  }

  /** @returns the slot, or -1 */
  find(key: Uint32Array): number {
    return this.#index.find(key);
  }

  isInUse(slot: number): boolean {
    return ((this.#cells[this.word(slot) * 2 + CELL.flags] ?? 0) & FLAG.inUse) !== 0;
  }

  generation(slot: number): number {
    return this.#cells[this.word(slot) * 2 + CELL.generation] ?? 0;
  }

  /** A number that names this use of the slot for ever. */
  handle(slot: number): number {
    return this.generation(slot) * MAX_SLOTS + slot;
  }

  /** The slot of a handle, or -1 where it was emptied since, or never was. */
  slotOf(handle: number): number {
    // By hand: `%` of numbers beyond 2^31 is slow.
    const generation = Math.floor(handle / MAX_SLOTS);
    const slot = handle - generation * MAX_SLOTS;
    if (!(slot >= 0 && slot < this.#next) || !Number.isInteger(slot)) return -1;
    const cell = this.word(slot) * 2;
    if (this.#cells[cell + CELL.generation] !== generation) return -1;
    return ((this.#cells[cell + CELL.flags] ?? 0) & FLAG.inUse) === 0 ? -1 : slot;
  }

  /** An empty slot for a key that has none, newest in use; -1 where all are in use. */
  take(key: Uint32Array): number {
    const slot = this.#free.pop() ?? (this.#next < this.max ? this.#next++ : -1);
    if (slot === -1) return -1;
    const cell = this.word(slot) * 2;
    this.#cells.set(key, cell + CELL.key);
    this.#cells[cell + CELL.flags] = FLAG.inUse;
    this.#index.add(slot);
    this.#count += 1;
    this.#link(slot);
    return slot;
  }

  /** Empties a slot; handles of it are stale from now on. */
  drop(slot: number): void {
    this.#index.remove(slot);
    this.#unlink(slot);
    const generation = this.generation(slot);
    const word = this.word(slot);
    this.#words.fill(0, word, word + this.#width);
    this.#cells[word * 2 + CELL.generation] = generation + 1;
    this.#free.push(slot);
    this.#count -= 1;
  }

  /** Makes a slot the one used last. */
  touch(slot: number): void {
    if (this.#newest === slot + 1) return;
    this.#unlink(slot);
    this.#link(slot);
  }

  /** The slot not used for the longest time, or -1. */
  oldest(): number {
    return this.#oldest - 1;
  }

  #link(slot: number): void {
    const cell = this.word(slot) * 2;
    this.#cells[cell + CELL.newer] = 0;
    this.#cells[cell + CELL.older] = this.#newest;
    if (this.#newest === 0) this.#oldest = slot + 1;
    else this.#cells[this.word(this.#newest - 1) * 2 + CELL.newer] = slot + 1;
    this.#newest = slot + 1;
  }

  #unlink(slot: number): void {
    const cell = this.word(slot) * 2;
    const newer = this.#cells[cell + CELL.newer] ?? 0;
    const older = this.#cells[cell + CELL.older] ?? 0;
    if (newer === 0) this.#newest = older;
    else this.#cells[this.word(newer - 1) * 2 + CELL.older] = older;
    if (older === 0) this.#oldest = newer;
    else this.#cells[this.word(older - 1) * 2 + CELL.newer] = newer;
  }
}
