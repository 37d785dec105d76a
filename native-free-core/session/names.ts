import { readKey } from './account-key.ts';
import { indexWords, KeyIndex } from './key-index.ts';
import { Locks } from './locks.ts';
import type { Memory } from './memory.ts';
import { TextStore, textWords } from './text-store.ts';

// Cells of a name: four of its key, then these.
const USES = 4;
const GENERATION = 5;
/** First word of its text; of a free name the next free one. */
const TEXT = 6;
const NAME_CELLS = 8;

// Cells of the table: names ever taken, the first free one, how many are in use, and the lock.
const REACHED = 0;
const FREE = 1;
const USED = 2;
const LOCK = 3;
const STATE_WORDS = 2;

const BLOCKS_EACH = 2;
const MAX_KNOWN = 8192;

interface Known {
  readonly text: string;
  readonly id: number;
  readonly generation: number;
}

/** Words that a table of so many names needs, their texts included. */
export function namesWords(max: number): number {
  return STATE_WORDS + (max * NAME_CELLS) / 2 + indexWords(max) + textWords(max * BLOCKS_EACH);
}

/**
 * Text as small numbers, so that fixed-width slots can hold it, for every thread. Counted: a text nobody refers to any more
 * is dropped. 0 is no text.
 *
 * INVARIANT: all of it changes under its one lock. Who holds the lock of an account that refers to a name may read it
 * without, since the name stays as it is until that account lets go of it.
 */
export class Names {
  readonly #cells: Uint32Array;
  readonly #sha256Hex: (text: string) => string;
  readonly #state: number;
  /** First cell of the name 0, which there is none of. */
  readonly #names: number;
  readonly #max: number;
  readonly #index: KeyIndex;
  readonly #lock: Locks;
  readonly texts: TextStore;
  // What this thread knows, as long as the name's generation is the same.
  readonly #byText = new Map<string, Known>();
  readonly #byId = new Map<number, Known>();
  readonly #key = new Uint32Array(4);

  /** @param sha256Hex who sends requests must not choose where a name is looked for */
  constructor(memory: Memory, max: number, sha256Hex: (text: string) => string) {
    this.#cells = memory.cells;
    this.#sha256Hex = sha256Hex;
    this.#max = max;
    this.#state = memory.region(STATE_WORDS) * 2;
    const first = memory.region((max * NAME_CELLS) / 2) * 2;
    this.#names = first - NAME_CELLS;
    this.#index = new KeyIndex(memory, memory.region(indexWords(max)), max, first, NAME_CELLS);
    this.#lock = new Locks(memory, this.#state + LOCK, 1);
    this.texts = new TextStore(memory, max * BLOCKS_EACH);
  }

  /** The number of a text, with one more use of it; 0 where there is no room. */
  take(text: string): number {
    const known = this.#known(text);
    // Hashed outside of the lock.
    if (known === undefined) this.#hash(text);
    this.#lock.lock(0);
    try {
      // Another thread may have dropped it just now.
      const isKnown = known !== undefined && this.#isSame(known);
      if (known !== undefined && !isKnown) this.#hash(text);
      const id = isKnown ? known.id : this.#index.find(this.#key) + 1 || this.#add(text);
      if (id === 0) return 0;
      this.#cells[this.#at(id) + USES] = (this.#cells[this.#at(id) + USES] ?? 0) + 1;
      if (!isKnown) this.#learn(text, id);
      return id;
    } finally {
      this.#lock.unlock(0);
    }
  }

  /** The number of a text, or 0 where nobody refers to it. */
  find(text: string): number {
    const known = this.#known(text);
    if (known !== undefined) return known.id;
    this.#hash(text);
    this.#lock.lock(0);
    const id = this.#index.find(this.#key) + 1;
    if (id !== 0) this.#learn(text, id);
    this.#lock.unlock(0);
    return id;
  }

  text(id: number): string {
    if (id === 0) return '';
    const known = this.#byId.get(id);
    if (known !== undefined && this.#isSame(known)) return known.text;
    const text = this.texts.read(this.#cells[this.#at(id) + TEXT] ?? 0);
    this.#learn(text, id);
    return text;
  }

  /** One use less. */
  drop(id: number): void {
    if (id === 0) return;
    const cells = this.#cells;
    const at = this.#at(id);
    this.#lock.lock(0);
    const uses = (cells[at + USES] ?? 0) - 1;
    cells[at + USES] = uses;
    if (uses === 0) {
      this.#index.remove(id - 1);
      const text = cells[at + TEXT] ?? 0;
      cells[at + GENERATION] = (cells[at + GENERATION] ?? 0) + 1;
      cells[at + TEXT] = cells[this.#state + FREE] ?? 0;
      cells[this.#state + FREE] = id;
      cells[this.#state + USED] = (cells[this.#state + USED] ?? 0) - 1;
      this.texts.drop(text);
    }
    this.#lock.unlock(0);
  }

  /** Whether so little room is left that it is kept for what must not be refused. May be old. */
  get isScarce(): boolean {
    return (this.#cells[this.#state + USED] ?? 0) > this.#max - this.#max / 8 || this.texts.pool.isScarce;
  }

  /** Names in use. */
  get size(): number {
    return this.#cells[this.#state + USED] ?? 0;
  }

  /** Home only: what a thread that is gone left behind in the middle of a change is put right. */
  takeOver(thread: number): void {
    this.texts.pool.locks.takeOver(thread);
    this.texts.pool.locks.unlockAll();
    if (!this.#lock.takeOver(thread)) return;
    this.#index.clear();
    const reached = this.#cells[this.#state + REACHED] ?? 0;
    for (let id = 1; id <= reached; id++) {
      if ((this.#cells[this.#at(id) + USES] ?? 0) > 0) this.#index.add(id - 1);
    }
    this.#lock.unlockAll();
  }

  // Under the lock; the key is that of the text. What a thread dies in the middle of is a name that nobody finds.
  #add(text: string): number {
    const cells = this.#cells;
    const free = cells[this.#state + FREE] ?? 0;
    const reached = cells[this.#state + REACHED] ?? 0;
    if (free === 0 && reached >= this.#max) return 0;
    const written = this.texts.put(text);
    if (written === 0) return 0;
    const id = free === 0 ? reached + 1 : free;
    const at = this.#at(id);
    if (free === 0) cells[this.#state + REACHED] = id;
    else cells[this.#state + FREE] = cells[at + TEXT] ?? 0;
    cells[this.#state + USED] = (cells[this.#state + USED] ?? 0) + 1;
    cells[at + TEXT] = written;
    cells.set(this.#key, at);
    this.#index.add(id - 1);
    return id;
  }

  #known(text: string): Known | undefined {
    const known = this.#byText.get(text);
    return known !== undefined && this.#isSame(known) ? known : undefined;
  }

  #isSame({ generation, id }: Known): boolean {
    return this.#cells[this.#at(id) + GENERATION] === generation;
  }

  #learn(text: string, id: number): void {
    const known = { text, id, generation: this.#cells[this.#at(id) + GENERATION] ?? 0 };
    if (this.#byText.size >= MAX_KNOWN) this.#byText.clear();
    if (this.#byId.size >= MAX_KNOWN) this.#byId.clear();
    this.#byText.set(text, known);
    this.#byId.set(id, known);
  }

  #hash(text: string): void {
    readKey(this.#sha256Hex(`name\n${text}`), this.#key);
  }

  #at(id: number): number {
    return this.#names + id * NAME_CELLS;
  }
}
