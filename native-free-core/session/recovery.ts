import {
  AGENT,
  CELL,
  COMMITTED as CHARGED,
  HELD as OUTSTANDING,
  PENDING_ROOM,
  ROOM,
  SESSION,
  SIDECAR,
} from './account-layout.ts';
import type { Scope } from './account-layout.ts';
import { Holdings } from './holdings.ts';
import {
  AMOUNT_WORD,
  BLOCK,
  COMMITTED,
  FREE,
  HELD_AT,
  HELD_WORDS,
  IN_FLIGHT,
  LEAVING,
  LOG_AT,
  OF_SIDECAR,
  PART,
  PLAIN,
  UNDECIDED,
} from './journal.ts';
import type { JournalMemory } from './journal.ts';
import type { Entry } from './reservations.ts';
import type { State } from './state.ts';
import { addToWindow, advanceWindow, stepAt } from './window.ts';

/**
 * Ends what a thread that is gone had begun, from the journal it left. What holds then:
 *
 * - No lock is held by it. Names and blocks that it was about to take may stay taken.
 * - What it had reserved and not committed is given back, to the last unit, also where it died while it reserved or gave
 *   back. What it had committed stays charged.
 * - Where it died while it charged, the charge is made: one counter may be charged twice by that call, none is left out. A digest
 *   that would make an equal call free may be missing.
 * - Its calls are over: none is counted as open or undecided.
 */
export class Recovery {
  readonly #state: State;
  readonly #journals: JournalMemory;

  constructor(state: State, journals: JournalMemory) {
    this.#state = state;
    this.#journals = journals;
  }

  /** @param own what the home's calls hold */
  threadEnded(thread: number, own: Iterable<Entry>): void {
    const state = this.#state;
    const { blocks, memory } = this.#journals;
    const inner = [
      state.windows,
      state.tokenCounters,
      state.tokenWindows,
      state.nameBlocks,
      state.digestBlocks,
      state.sids.pool,
      blocks,
    ];
    for (const pool of state.pools) pool.takeOver(thread);
    for (const { locks } of inner) {
      locks.takeOver(thread);
      locks.unlockAll();
    }
    state.names.takeOver(thread);
    const part = this.#journals.part(thread) * 2;
    // What it had the locks of nobody else has changed since.
    this.#undo(part);
    this.#recount(part, own);
    for (const pool of state.pools) pool.unlockAll();
    const { cells } = memory;
    let block = cells[part + PART.newest] ?? 0;
    cells[part + PART.newest] = 0;
    while (block !== 0) {
      const left = block;
      block = cells[block * 2 + BLOCK.next] ?? 0;
      state.later.add(() => this.#giveBack(left));
    }
    state.later.run();
  }

  /** Latest change first: what a word was at the beginning is its earliest entry. */
  #undo(part: number): void {
    const { cells, words } = this.#journals.memory;
    const log = part / 2 + LOG_AT;
    const starts: number[] = [];
    const end = cells[part + PART.logEnd] ?? 0;
    for (let at = 0; at < end; at += 2 + (words[log + at + 1] ?? 0)) starts.push(log + at);
    for (const at of starts.toReversed()) {
      const into = words[at] ?? 0;
      const count = words[at + 1] ?? 0;
      this.#state.memory.words.set(words.subarray(at + 2, at + 2 + count), into);
    }
    cells[part + PART.logEnd] = 0;
  }

  #recount(part: number, own: Iterable<Entry>): void {
    const { cells } = this.#journals.memory;
    const { memory, pools } = this.#state;
    const session = (cells[part + PART.session] ?? 0) - 1;
    const agent = (cells[part + PART.agent] ?? 0) - 1;
    if (session === -1) return;
    const holdings = new Holdings();
    holdings.addOwn(own);
    holdings.addJournals(this.#journals);
    const cell = pools[SESSION].word(session) * 2;
    memory.cells[cell + CELL.outstanding] = holdings.ofSessions.get(session) ?? 0;
    memory.cells[cell + CELL.undecided] = holdings.undecided.get(session) ?? 0;
    this.#recountHeld(SESSION, session, holdings);
    if (agent !== -1) {
      memory.cells[pools[AGENT].word(agent) * 2 + CELL.outstanding] = holdings.ofAgents.get(agent) ?? 0;
      this.#recountHeld(AGENT, agent, holdings);
    }
    if (cells[part + PART.sidecar] === 1) this.#recountHeld(SIDECAR, 0, holdings);
    cells.fill(0, part + PART.session, part + PART.sidecar + 1);
  }

  #recountHeld(scope: Scope, slot: number, { held }: Holdings): void {
    const state = this.#state;
    const word = state.pools[scope].word(slot);
    for (const plan of state.plansOf(scope, slot)) {
      const at = state.counterAt(word, plan, state.nowMs());
      if (at !== 0) state.memory.words[at + OUTSTANDING] = held.get(at) ?? 0;
    }
    state.touch(scope, slot);
  }

  #giveBack(block: number): void {
    const { cells } = this.#journals.memory;
    const { pools, turns } = this.#state;
    if (cells[block * 2 + BLOCK.state] !== FREE) {
      const agent = (cells[block * 2 + BLOCK.agent] ?? 0) - 1;
      const ofSidecar = ((cells[block * 2 + BLOCK.flags] ?? 0) & OF_SIDECAR) !== 0;
      turns.begin(cells[block * 2 + BLOCK.session] ?? 0);
      try {
        if (agent !== -1) pools[AGENT].locks.lock(agent);
        try {
          if (ofSidecar) pools[SIDECAR].locks.lock(0);
          this.#settle(block, agent, ofSidecar);
          if (ofSidecar) pools[SIDECAR].locks.unlock(0);
        } finally {
          if (agent !== -1) pools[AGENT].locks.unlock(agent);
        }
      } finally {
        turns.end();
      }
    }
    this.#journals.blocks.giveBack(block);
  }

  #settle(block: number, agent: number, ofSidecar: boolean): void {
    const state = this.#state;
    const { cells, words } = this.#journals.memory;
    const table = state.memory.words;
    const cell = block * 2;
    const session = cells[cell + BLOCK.session] ?? 0;
    const flags = cells[cell + BLOCK.flags] ?? 0;
    const leaves = cells[cell + BLOCK.state] === LEAVING;
    const isCommitted = cells[cell + BLOCK.state] === COMMITTED;
    const charged = cells[cell + BLOCK.charged] ?? 0;
    const count = cells[cell + BLOCK.count] ?? 0;
    for (let index = 0; index < count; index++) {
      const at = block + HELD_AT + index * HELD_WORDS;
      const kind = cells[at * 2 + 1] ?? 0;
      if (isCommitted && kind !== IN_FLIGHT) continue;
      const counter = cells[at * 2] ?? 0;
      const amount = kind === PLAIN ? 1 : (words[at + 1] ?? 0);
      table[counter + OUTSTANDING] = (table[counter + OUTSTANDING] ?? 0) - amount;
      if (!leaves || kind === IN_FLIGHT || index < charged) continue;
      this.#charge(counter, amount, kind === PLAIN ? 0 : (words[at + 2] ?? 0));
    }
    const currency = cells[cell + BLOCK.currency] ?? 0;
    if (leaves && currency !== 0) state.addAmount(session, currency, words[block + AMOUNT_WORD] ?? 0);
    if ((flags & UNDECIDED) !== 0) {
      const at = state.pools[SESSION].word(session) * 2 + CELL.undecided;
      state.memory.cells[at] = (state.memory.cells[at] ?? 0) - 1;
    }
    state.addOutstanding(SESSION, session, -1);
    if (agent !== -1) state.addOutstanding(AGENT, agent, -1);
    state.revise(session);
    state.touch(SESSION, session);
    if (agent !== -1) state.touch(AGENT, agent);
    if (ofSidecar) state.touch(SIDECAR, 0);
    cells[cell + BLOCK.state] = FREE;
  }

  #charge(counter: number, amount: number, windowMs: number): void {
    const { isDurable, memory } = this.#state;
    const { words } = memory;
    if (isDurable) {
      words[counter + ROOM] = (words[counter + ROOM] ?? 0) - amount;
      words[counter + PENDING_ROOM] = (words[counter + PENDING_ROOM] ?? 0) - amount;
    }
    if (windowMs === 0) words[counter + CHARGED] = (words[counter + CHARGED] ?? 0) + amount;
    else {
      advanceWindow(words, counter, stepAt(windowMs, this.#state.nowMs()));
      addToWindow(words, counter, amount);
    }
  }
}
