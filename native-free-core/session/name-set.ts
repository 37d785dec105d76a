import { HEADER_WORDS } from './account-layout.ts';
import type { BlockPool } from './block-pool.ts';
import type { Journal } from './journal.ts';
import type { Memory } from './memory.ts';
import type { Names } from './names.ts';

/** Words of a block of names: a link and 15 of them. */
export const NAME_BLOCK_WORDS = 8;
const PER_BLOCK = 15;

/** Blocks that a set of so many names needs beside its slot. */
export function nameBlocks(max: number, inline: number): number {
  return Math.ceil((max - inline) / PER_BLOCK);
}

/** Where in a slot a set stands, in cells from the slot's first. */
export interface NameSetPlace {
  readonly count: number;
  /** First word of the newest block, 0 without one. */
  readonly chain: number;
  /** First of `inlineCount` cells that hold the first names. */
  readonly inline: number;
  readonly inlineCount: number;
}

/** What sets are made of. */
export interface NameSetParts {
  readonly memory: Memory;
  readonly nameBlocks: BlockPool;
  readonly names: Names;
  readonly journal: Journal | undefined;
}

/** Bounded sets of interned names, one in each slot. `cell` is the first of a slot. */
export class NameSets {
  readonly #memory: Memory;
  readonly #blocks: BlockPool;
  readonly #names: Names;
  readonly #place: NameSetPlace;
  readonly #journal: Journal | undefined;
  readonly max: number;

  constructor({ journal, memory, nameBlocks, names }: NameSetParts, place: NameSetPlace, max: number) {
    this.#memory = memory;
    this.#blocks = nameBlocks;
    this.#journal = journal;
    this.#names = names;
    this.#place = place;
    this.max = max;
  }

  size(cell: number): number {
    return this.#memory.cells[cell + this.#place.count] ?? 0;
  }

  has(cell: number, name: string): boolean {
    const id = this.#names.find(name);
    return id !== 0 && this.#holds(cell, id);
  }

  /** @returns whether the name is new and there was room for it */
  add(cell: number, name: string): boolean {
    const id = this.#names.find(name);
    if (id !== 0 && this.#holds(cell, id)) return false;
    const { cells } = this.#memory;
    const { chain, inline, inlineCount } = this.#place;
    const count = this.size(cell);
    if (count >= this.max) return false;
    const taken = this.#names.take(name);
    if (taken === 0) return false;
    this.#journal?.changes(cell / 2, HEADER_WORDS);
    let at = cell + inline + count;
    if (count >= inlineCount) {
      const inBlock = (count - inlineCount) % PER_BLOCK;
      if (inBlock === 0) {
        const block = this.#blocks.take();
        if (block === 0) {
          this.#names.drop(taken);
          return false;
        }
        cells[block * 2] = cells[cell + chain] ?? 0;
        cells[cell + chain] = block;
      }
      at = (cells[cell + chain] ?? 0) * 2 + 1 + inBlock;
    }
    cells[at] = taken;
    cells[cell + this.#place.count] = count + 1;
    return true;
  }

  /** All names, sorted. */
  list(cell: number): string[] {
    const found: string[] = [];
    for (const id of this.#ids(cell)) found.push(this.#names.text(id));
    return found.sort();
  }

  /** Empties the set. */
  clear(cell: number): void {
    const { cells } = this.#memory;
    for (const id of this.#ids(cell)) this.#names.drop(id);
    let block = cells[cell + this.#place.chain] ?? 0;
    while (block !== 0) {
      const next = cells[block * 2] ?? 0;
      this.#blocks.giveBack(block);
      block = next;
    }
    cells[cell + this.#place.chain] = 0;
    cells[cell + this.#place.count] = 0;
  }

  #ids(cell: number): number[] {
    const { cells } = this.#memory;
    const { chain, inline, inlineCount } = this.#place;
    const count = this.size(cell);
    const ids: number[] = [];
    for (let at = 0; at < Math.min(count, inlineCount); at++) ids.push(cells[cell + inline + at] ?? 0);
    let block = cells[cell + chain] ?? 0;
    let left = count - ids.length;
    while (block !== 0) {
      const inBlock = ((left - 1) % PER_BLOCK) + 1;
      for (let at = 1; at <= inBlock; at++) ids.push(cells[block * 2 + at] ?? 0);
      left -= inBlock;
      block = cells[block * 2] ?? 0;
    }
    return ids;
  }

  // A name is asked for by every call, so no list is made.
  #holds(cell: number, id: number): boolean {
    const { cells } = this.#memory;
    const { chain, inline, inlineCount } = this.#place;
    const count = this.size(cell);
    const inSlot = count < inlineCount ? count : inlineCount;
    for (let at = 0; at < inSlot; at++) if (cells[cell + inline + at] === id) return true;
    if (count === inSlot) return false;
    let block = cells[cell + chain] ?? 0;
    let inBlock = ((count - inSlot - 1) % PER_BLOCK) + 1;
    while (block !== 0) {
      for (let at = 1; at <= inBlock; at++) if (cells[block * 2 + at] === id) return true;
      block = cells[block * 2] ?? 0;
      inBlock = PER_BLOCK;
    }
    return false;
  }
}
