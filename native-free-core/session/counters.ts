import { AGENT, CELL, COMMITTED, PENDING_ROOM, ROOM, SESSION, SIDECAR } from './account-layout.ts';
import type { Accounts } from './accounts.ts';
import { wantsSave } from './grant.ts';
import type { Journal } from './journal.ts';
import type { Entry } from './reservations.ts';
import type { RulePlan } from './rule-plan.ts';
import type { State } from './state.ts';
import { tokenLimitWord } from './token-rules.ts';
import { addToWindow, advanceWindow, beginWindow, stepAt, WINDOW_WORDS } from './window.ts';

/** Finds, locks and changes the counters of a call: those of its session, whose turn it is, its agent and the sidecar. */
export class Counters {
  readonly #state: State;
  readonly #words: Float64Array;
  readonly #cells: Uint32Array;
  readonly #isDurable: boolean;
  readonly #journal: Journal | undefined;
  readonly #agents: Accounts;
  readonly #sidecar: Accounts;
  // The instant of the operation under way; 0 until a window asks for it.
  #nowMs = 0;
  /** Scopes that a save would help, as bits `1 << scope`. Whoever saves sets it back to 0. */
  wanted = 0;

  constructor(state: State) {
    this.#state = state;
    this.#words = state.memory.words;
    this.#cells = state.memory.cells;
    this.#isDurable = state.isDurable;
    this.#journal = state.journal;
    [, this.#agents, this.#sidecar] = state.pools;
  }

  /** Begins an operation: takes the locks of agent and sidecar, where the call counts on them. */
  lock(entry: Entry): void {
    const { agent, ofAgent, ofSidecar } = entry;
    this.#nowMs = 0;
    if (ofAgent) this.#agents.locks.lock(agent);
    try {
      if (ofSidecar) this.#sidecar.locks.lock(0);
    } catch (error) {
      if (ofAgent) this.#agents.locks.unlock(agent);
      throw error;
    }
    this.#journal?.beginCounting(entry);
  }

  /** Ends the operation: whatever it changed stands. */
  unlock({ agent, ofAgent, ofSidecar }: Entry): void {
    this.#journal?.endOperation();
    if (ofSidecar) this.#sidecar.locks.unlock(0);
    if (ofAgent) this.#agents.locks.unlock(agent);
  }

  /** What the store holds of the accounts of a call is not what is here. */
  touch(entry: Entry): void {
    this.#state.touch(SESSION, entry.session);
    if (entry.ofAgent) this.#state.touch(AGENT, entry.agent);
    if (entry.ofSidecar) this.#state.touch(SIDECAR, 0);
  }

  /** The instant of the operation, the same all through it. */
  now(): number {
    if (this.#nowMs === 0) this.#nowMs = this.#state.nowMs();
    return this.#nowMs;
  }

  /** Counts a call of an entry among those that keep its accounts in memory, or one less. Within the operation. */
  keep({ agent, ofAgent, session }: Entry, calls: 1 | -1): void {
    this.#state.addOutstanding(SESSION, session, calls);
    if (!ofAgent) return;
    this.#state.addOutstanding(AGENT, agent, calls);
  }

  /** A call is allowed or denied no more than once. In a turn of its session, or within the operation. */
  decided(entry: Entry): void {
    if (!entry.undecided) return;
    entry.undecided = false;
    this.#journal?.decided(entry);
    const cells = this.#cells;
    const cell = entry.byScope[SESSION] * 2;
    cells[cell + CELL.undecided] = (cells[cell + CELL.undecided] ?? 0) - 1;
    cells[cell + CELL.revision] = (cells[cell + CELL.revision] ?? 0) + 1;
  }

  /** A call has what it reserved, and is to be decided. Within the operation. */
  began(entry: Entry): void {
    const cells = this.#cells;
    const cell = entry.byScope[SESSION] * 2;
    cells[cell + CELL.outstanding] = (cells[cell + CELL.outstanding] ?? 0) + 1;
    cells[cell + CELL.undecided] = (cells[cell + CELL.undecided] ?? 0) + 1;
    cells[cell + CELL.revision] = (cells[cell + CELL.revision] ?? 0) + 1;
    if (entry.ofAgent) this.#state.addOutstanding(AGENT, entry.agent, 1);
    this.#journal?.held(entry);
  }

  /**
   * The first word of a rule's counter, its window taken to the present.
   *
   * @param word the account's first
   * @returns 0 where a window would be new and there is no block left
   */
  at(plan: RulePlan, word: number): number {
    if (plan.windowMs === 0) return plan.isToken ? plan.at : word + plan.at;
    const step = stepAt(plan.windowMs, this.now());
    const cell = word * 2 + plan.windowCell;
    let at = plan.isToken ? plan.at : (this.#cells[cell] ?? 0);
    if (at === 0) {
      at = this.#state.windows.take();
      if (at === 0) return 0;
      beginWindow(this.#words, at, step);
      this.#cells[cell] = at;
    } else {
      this.#changes(at);
      advanceWindow(this.#words, at, step);
    }
    return at;
  }

  /** Charges a counter for good. What need not be told to the store first gets less before the counter gets more. */
  charge(plan: RulePlan, at: number, amount: number): void {
    const words = this.#words;
    if (this.#isDurable) {
      words[at + ROOM] = (words[at + ROOM] ?? 0) - amount;
      words[at + PENDING_ROOM] = (words[at + PENDING_ROOM] ?? 0) - amount;
    }
    if (plan.windowMs === 0) words[at + COMMITTED] = (words[at + COMMITTED] ?? 0) + amount;
    else {
      this.#changes(at);
      advanceWindow(words, at, stepAt(plan.windowMs, this.now()));
      addToWindow(words, at, amount);
    }
  }

  /** Takes a window to the present. */
  advance(plan: RulePlan, at: number): void {
    if (plan.windowMs === 0) return;
    this.#changes(at);
    advanceWindow(this.#words, at, stepAt(plan.windowMs, this.now()));
  }

  /** Looks whether a save of a counter would help. */
  look(plan: RulePlan, at: number): void {
    if (this.#isDurable && wantsSave(this.#words, at, plan)) this.wanted |= 1 << plan.scope;
  }

  /** A token that came since may have tightened the rule, in whatever thread. */
  limitOf({ isToken, limit, windowMs }: RulePlan, counter: number): number {
    return isToken ? (this.#words[counter + tokenLimitWord(windowMs)] ?? 0) : limit;
  }

  /** A window is about to change. */
  #changes(at: number): void {
    this.#journal?.changes(at, WINDOW_WORDS);
  }
}
