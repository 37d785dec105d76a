import { CELL, FLAG } from './account-layout.ts';
import { indexWords, KeyIndex } from './key-index.ts';
import { Locks } from './locks.ts';
import type { Memory } from './memory.ts';

/** Slots of a pool at most; a handle is generation × this + slot. */
export const MAX_SLOTS = 2 ** 20;
const MAX_STRIPES = 1024;
// How many accounts that were used get a second chance before one that was used has to go.
const MAX_CHANCES = 256;

function stripes(max: number): number {
  let size = 2;
  while (size < max && size < MAX_STRIPES) size *= 2;
  return size;
}

/** Words that a pool of so many accounts needs. */
export function accountsWords(max: number, width: number): number {
  return max * width + indexWords(max) + stripes(max) / 2 + 1;
}

/**
 * The accounts of one kind: fixed-width slots, found by key. Who is idle is known by second chance: whoever opens one says
 * so, and the home asks one after the other.
 *
 * INVARIANT: only the home takes and drops slots, a slot under its lock and the index under its own. Any thread may look for
 * a key, and may know by generation whether a slot is still the one it knew.
 */
export class Accounts {
  readonly locks: Locks;
  readonly max: number;
  readonly #cells: Uint32Array;
  readonly #words: Float64Array;
  readonly #index: KeyIndex;
  readonly #indexLock: Locks;
  readonly #at: number;
  readonly #width: number;
  // The home's alone. The slots that were used before and are free now.
  readonly #free: number[] = [];
  #next = 0;
  #count = 0;
  #hand = 0;

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
    this.locks = new Locks(memory, memory.region(stripes(max) / 2) * 2, stripes(max));
    this.#indexLock = new Locks(memory, memory.region(1) * 2, 1);
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

  /** Home only. @returns the slot, or -1 */
  find(key: Uint32Array): number {
    return this.#index.find(key);
  }

  /** The handle of the account of that key, or -1. Any thread: the slot is its while the key is in the index. */
  handleOf(key: Uint32Array): number {
    this.#indexLock.lock(0);
    const slot = this.#index.find(key);
    const handle = slot === -1 ? -1 : this.handle(slot);
    this.#indexLock.unlock(0);
    return handle;
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

  /** The slot that a handle names or named, or -1 where it can be none of this pool's. */
  slotIn(handle: number): number {
    // By hand: `%` of numbers beyond 2^31 is slow.
    const slot = handle - Math.floor(handle / MAX_SLOTS) * MAX_SLOTS;
    return slot >= 0 && slot < this.max && Number.isInteger(slot) ? slot : -1;
  }

  /** The slot of a handle, or -1 where it was emptied since, or never was. For certain only under the slot's lock. */
  slotOf(handle: number): number {
    const slot = this.slotIn(handle);
    if (slot === -1) return -1;
    const cell = this.word(slot) * 2;
    if ((this.#cells[cell + CELL.generation] ?? 0) * MAX_SLOTS + slot !== handle) return -1;
    return ((this.#cells[cell + CELL.flags] ?? 0) & FLAG.inUse) === 0 ? -1 : slot;
  }

  /** An empty slot for a key that has none; -1 where all are in use. */
  take(key: Uint32Array): number {
    const slot = this.#free.pop() ?? (this.#next < this.max ? this.#next++ : -1);
    if (slot === -1) return -1;
    const cell = this.word(slot) * 2;
    try {
      this.locks.lock(slot);
    } catch (error) {
      this.#free.push(slot);
      throw error;
    }
    this.#cells.set(key, cell + CELL.key);
    this.#cells[cell + CELL.used] = 1;
    this.#cells[cell + CELL.flags] = FLAG.inUse;
    this.locks.unlock(slot);
    this.#indexLock.lock(0);
    this.#index.add(slot);
    this.#indexLock.unlock(0);
    this.#count += 1;
    return slot;
  }

  /** Empties a slot whose lock is held; handles of it are stale from now on. */
  drop(slot: number): void {
    this.#indexLock.lock(0);
    this.#index.remove(slot);
    this.#indexLock.unlock(0);
    const word = this.word(slot);
    const generation = this.generation(slot);
    const tokenVersion = this.#cells[word * 2 + CELL.tokenVersion] ?? 0;
    this.#words.fill(0, word, word + this.#width);
    this.#cells[word * 2 + CELL.generation] = generation + 1;
    this.#cells[word * 2 + CELL.tokenVersion] = tokenVersion + 1;
    this.#free.push(slot);
    this.#count -= 1;
  }

  /** Says that an account is in use. Any thread, without a lock. */
  touch(slot: number): void {
    const at = this.word(slot) * 2 + CELL.used;
    if (this.#cells[at] === 0) this.#cells[at] = 1;
  }

  /** An account that nobody said to be in use for some time, or one of those that are; -1 where there is none. */
  idle(): number {
    if (this.#count === 0) return -1;
    for (let chances = 0; ;) {
      const slot = this.#hand;
      this.#hand = slot + 1 < this.#next ? slot + 1 : 0;
      if (!this.isInUse(slot)) continue;
      const at = this.word(slot) * 2 + CELL.used;
      if (this.#cells[at] === 0 || chances >= MAX_CHANCES) return slot;
      this.#cells[at] = 0;
      chances += 1;
    }
  }

  /** Home only: what a thread that is gone held is the home's. @returns whether it held any */
  takeOver(thread: number): boolean {
    const heldIndex = this.#indexLock.takeOver(thread);
    return this.locks.takeOver(thread) || heldIndex;
  }

  /** Home only: ends what `takeOver` began. */
  unlockAll(): void {
    this.#indexLock.unlockAll();
    this.locks.unlockAll();
  }
}
