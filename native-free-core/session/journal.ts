import { HEADER_WORDS } from './account-layout.ts';
import { BlockPool, poolWords } from './block-pool.ts';
import { MAX_THREADS, Memory } from './memory.ts';
import { DIGESTS_WORDS } from './recent-digests.ts';
import type { Entry } from './reservations.ts';
import { MAX_TOKEN_RULES } from './token-rules.ts';
import { WINDOW_WORDS } from './window.ts';

/** Reservations outstanding in all attached threads. */
const MAX_HELD = 65_536;
const GUARD_WORDS = 8;

// Cells of a thread's part: the newest of its blocks, the first free word of its log from the log's first, the slot plus 1
// of the session whose turn it has, and of the agent whose lock it has, and whether it has the sidecar's.
export const PART = { newest: 0, logEnd: 1, session: 2, agent: 3, sidecar: 4 } as const;
export const LOG_AT = 3;

// Cells of a block. What a reservation holds follows from word `HELD_AT` on.
export const BLOCK = {
  state: 0,
  /** Counters charged by the commit under way. */
  charged: 1,
  next: 2,
  session: 3,
  /** Slot plus 1; 0 where it counts on no agent. */
  agent: 4,
  flags: 5,
  count: 6,
  currency: 7,
} as const;
export const AMOUNT_WORD = 4;
export const HELD_AT = 5;
/** Of one counter: its first word and its kind (cells); unless it is plain, the amount and the window's length. */
export const HELD_WORDS = 3;

// States of a block.
export const FREE = 0;
export const HELD = 1;
/** It is being committed: whatever becomes of the thread, it is charged. */
export const LEAVING = 2;
export const COMMITTED = 3;

// Bits of the flags of a block.
export const OF_SIDECAR = 1;
export const UNDECIDED = 2;

// Kinds of what is held.
/** One call, without a window. */
export const PLAIN = 0;
export const COUNTED = 1;
export const IN_FLIGHT = 2;

/** How journals of tables with so many rules are laid out. */
export interface JournalLayout {
  readonly blockWords: number;
  readonly threadWords: number;
  readonly words: number;
}

export function journalLayout(rules: number): JournalLayout {
  const counters = rules + MAX_TOKEN_RULES;
  const blockWords = HELD_AT + HELD_WORDS * counters;
  // What one operation can change: a counter is in the log twice at most.
  const operation = 2 * (HEADER_WORDS + DIGESTS_WORDS) + 2 * (counters + 2) * (WINDOW_WORDS + 2);
  const threadWords = LOG_AT + operation;
  return {
    blockWords,
    threadWords,
    words: GUARD_WORDS + MAX_THREADS * threadWords + poolWords(blockWords, MAX_HELD),
  };
}

/** The memory of journals as a thread sees it: where each thread's part is, and the blocks. */
export class JournalMemory {
  readonly memory: Memory;
  readonly blocks: BlockPool;
  readonly layout: JournalLayout;
  readonly #parts: number;

  constructor(rules: number, buffer: SharedArrayBuffer | undefined, thread: number) {
    this.layout = journalLayout(rules);
    this.memory = new Memory(buffer ?? this.layout.words, thread);
    this.memory.region(GUARD_WORDS);
    this.#parts = this.memory.region(MAX_THREADS * this.layout.threadWords);
    this.blocks = new BlockPool(this.memory, this.layout.blockWords, MAX_HELD);
  }

  /** First word of a thread's part. */
  part(thread: number): number {
    return this.#parts + thread * this.layout.threadWords;
  }
}

/**
 * What an attached thread leaves for the home to read where it dies: whose locks it has, what its reservations hold, and what
 * windows and lists were before the operation under way changed them.
 *
 * INVARIANT: a reservation is in the journal exactly while its accounts count it, but for the operation that changes that,
 * under their locks. So what accounts hold can be counted again from all journals, with the locks of a thread that died in
 * between. Not in the journal is what pools and names change: a block or a name is lost at most.
 */
export class Journal {
  readonly #table: Float64Array;
  readonly #blocks: BlockPool;
  readonly #words: Float64Array;
  readonly #cells: Uint32Array;
  readonly #part: number;
  readonly #log: number;
  readonly #size: number;
  readonly #free: number[] = [];

  constructor(memory: Memory, shared: JournalMemory) {
    this.#table = memory.words;
    this.#blocks = shared.blocks;
    this.#words = shared.memory.words;
    this.#cells = shared.memory.cells;
    this.#part = shared.part(memory.thread) * 2;
    this.#log = shared.part(memory.thread) + LOG_AT;
    this.#size = shared.layout.threadWords - LOG_AT;
  }

  /** A session's turn begins. */
  begin(session: number): void {
    this.#cells[this.#part + PART.session] = session + 1;
  }

  /** The turn ends. */
  end(): void {
    this.#cells[this.#part + PART.session] = 0;
  }

  /** An operation on the counters of a call begins, in a turn, with the locks it needs. */
  beginCounting({ agent, ofAgent, ofSidecar }: Entry): void {
    const at = this.#part;
    this.#cells[at + PART.agent] = ofAgent ? agent + 1 : 0;
    this.#cells[at + PART.sidecar] = ofSidecar ? 1 : 0;
  }

  /** An operation ends: nothing of it is undone. */
  endOperation(): void {
    const at = this.#part;
    this.#cells[at + PART.logEnd] = 0;
    this.#cells[at + PART.agent] = 0;
    this.#cells[at + PART.sidecar] = 0;
  }

  /** Words of the table are about to change, that can only be restored from what they were. */
  changes(at: number, count: number): void {
    const words = this.#words;
    const end = this.#cells[this.#part + PART.logEnd] ?? 0;
    if (end + 2 + count > this.#size) throw new RangeError('an operation changes more than is kept of it');
    const to = this.#log + end;
    words[to] = at;
    words[to + 1] = count;
    for (let index = 0; index < count; index++) words[to + 2 + index] = this.#table[at + index] ?? 0;
    // What stands behind the end is not in the log: a thread that dies before this has not changed the words yet.
    this.#cells[this.#part + PART.logEnd] = end + 2 + count;
  }

  /** A place for a reservation; 0 where there is none. */
  block(): number {
    const known = this.#free.pop();
    if (known !== undefined) return known;
    const block = this.#blocks.take();
    if (block === 0) return 0;
    this.#cells[block * 2 + BLOCK.next] = this.#cells[this.#part + PART.newest] ?? 0;
    this.#cells[this.#part + PART.newest] = block;
    return block;
  }

  /** A place that was not used. */
  giveBack(block: number): void {
    this.#free.push(block);
  }

  /** The accounts count the reservation. */
  held(entry: Entry): void {
    const { block } = entry;
    const cells = this.#cells;
    const cell = block * 2;
    cells[cell + BLOCK.charged] = 0;
    cells[cell + BLOCK.session] = entry.session;
    cells[cell + BLOCK.agent] = entry.ofAgent ? entry.agent + 1 : 0;
    cells[cell + BLOCK.flags] = (entry.ofSidecar ? OF_SIDECAR : 0) | (entry.undecided ? UNDECIDED : 0);
    cells[cell + BLOCK.count] = entry.count;
    cells[cell + BLOCK.currency] = entry.currency;
    this.#words[block + AMOUNT_WORD] = entry.amount;
    for (let index = 0; index < entry.count; index++) {
      const at = block + HELD_AT + index * HELD_WORDS;
      const plan = entry.plans[index];
      if (plan === undefined) break;
      cells[at * 2] = entry.at[index] ?? 0;
      cells[at * 2 + 1] = plan.isPlain ? PLAIN : plan.isInFlight ? IN_FLIGHT : COUNTED;
      if (plan.isPlain) continue;
      this.#words[at + 1] = entry.amounts[index] ?? 0;
      this.#words[at + 2] = plan.windowMs;
    }
    cells[cell + BLOCK.state] = HELD;
  }

  /** The call was allowed or denied. */
  decided({ block }: Entry): void {
    const at = block * 2 + BLOCK.flags;
    this.#cells[at] = (this.#cells[at] ?? 0) & ~UNDECIDED;
  }

  /** The reservation is about to be charged: from here on it is, even where the thread dies before it did so. */
  leaves({ block }: Entry): void {
    this.#cells[block * 2 + BLOCK.state] = LEAVING;
  }

  /** So many of its counters are charged. */
  charged({ block }: Entry, count: number): void {
    this.#cells[block * 2 + BLOCK.charged] = count;
  }

  committed({ block }: Entry): void {
    this.#cells[block * 2 + BLOCK.state] = COMMITTED;
  }

  /** No account counts it any more. */
  freed({ block }: Entry): void {
    this.#cells[block * 2 + BLOCK.state] = FREE;
    this.#free.push(block);
  }
}
