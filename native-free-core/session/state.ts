import type { Scope } from './account-layout.ts';
import {
  AGENT,
  CELL,
  COUNTER_WORDS,
  CURRENCIES,
  FLAG,
  HOSTS_INLINE,
  SESSION,
  WORD,
} from './account-layout.ts';
import { Accounts, accountsWords } from './accounts.ts';
import { BlockPool } from './block-pool.ts';
import { Interner } from './interner.ts';
import { Memory } from './memory.ts';
import { NAME_BLOCK_WORDS, nameBlocks, NameSets } from './name-set.ts';
import type { RecentDigests } from './recent-digests.ts';
import type { Plans, RulePlan } from './rule-plan.ts';
import { MAX_TOKEN_RULES, MAX_TOKEN_WINDOWS, type TokenRules } from './token-rules.ts';
import { advanceWindow, stepAt, WINDOW_WORDS } from './window.ts';

export const MAX_HOSTS = 256;
export const MAX_INJECTED = 256;

// Of address space; what no session touches costs no memory.
const MAX_WORDS = 2 ** 28;
const GUARD_WORDS = 8;

export interface StateOptions {
  readonly plans: Plans;
  readonly maxSessions: number;
  readonly maxAgents: number;
  readonly steadyMs: () => number;
  /** Whether there is a store to tell of what changes. */
  readonly isDurable: boolean;
}

/** Everything a session table knows: accounts, blocks and names in one buffer, and what a thread keeps beside it. */
export class State {
  readonly memory: Memory;
  readonly plans: Plans;
  readonly isDurable: boolean;
  /** By scope. */
  readonly pools: readonly [sessions: Accounts, agents: Accounts, sidecar: Accounts];
  readonly windows: BlockPool;
  readonly tokenCounters: BlockPool;
  readonly names = new Interner();
  readonly hosts: NameSets;
  readonly injected: NameSets;
  /** By slot of the session, where it has any. */
  readonly tokens = new Map<number, TokenRules>();
  readonly digests = new Map<number, RecentDigests>();
  /** `sid` by slot: no two sessions share one, so it is not interned. */
  readonly sids: string[] = [];
  readonly #steadyMs: () => number;
  #lastMs = 0;

  constructor(options: StateOptions) {
    const { plans, maxAgents } = options;
    this.plans = plans;
    this.isDurable = options.isDurable;
    this.#steadyMs = options.steadyMs;
    this.nowMs();
    const [session, agent, sidecar] = plans.scopes;
    const blocks = nameBlocks(MAX_HOSTS, HOSTS_INLINE) + nameBlocks(MAX_INJECTED, 0);
    const windowsEach = session.windows + MAX_TOKEN_WINDOWS;
    const wordsEach =
      session.width +
      blocks * NAME_BLOCK_WORDS +
      windowsEach * WINDOW_WORDS +
      MAX_TOKEN_RULES * COUNTER_WORDS;
    // INVARIANT: every session has room for all it may hold, so no session's blocks are another one's refusal.
    const maxSessions = Math.min(options.maxSessions, Math.floor(MAX_WORDS / wordsEach));
    const maxNames = maxSessions * blocks;
    const maxWindows = maxSessions * windowsEach + maxAgents * agent.windows + sidecar.windows;
    const maxCounters = maxSessions * MAX_TOKEN_RULES;
    const widths: readonly (readonly [number, number])[] = [
      [maxSessions, session.width],
      [maxAgents, agent.width],
      [1, sidecar.width],
    ];
    const accounts = widths.reduce((sum, [max, width]) => sum + accountsWords(max, width), 0);
    const pools = maxNames * NAME_BLOCK_WORDS + maxWindows * WINDOW_WORDS + maxCounters * COUNTER_WORDS;
    this.memory = new Memory(GUARD_WORDS + accounts + pools);
    // No block begins at word 0, which stands for none.
    this.memory.region(GUARD_WORDS);
    this.pools = [
      new Accounts(this.memory, maxSessions, session.width),
      new Accounts(this.memory, maxAgents, agent.width),
      new Accounts(this.memory, 1, sidecar.width),
    ];
    const pool = (width: number, max: number): BlockPool =>
      new BlockPool(this.memory, this.memory.region(width * max), width, max);
    this.windows = pool(WINDOW_WORDS, maxWindows);
    this.tokenCounters = pool(COUNTER_WORDS, maxCounters);
    const nameBlockPool = pool(NAME_BLOCK_WORDS, maxNames);
    const hosts = {
      count: CELL.hostCount,
      chain: CELL.hostChain,
      inline: CELL.hosts,
      inlineCount: HOSTS_INLINE,
    };
    this.hosts = new NameSets(this.memory, nameBlockPool, this.names, hosts, MAX_HOSTS);
    const injected = { count: CELL.injectedCount, chain: CELL.injectedChain, inline: 0, inlineCount: 0 };
    this.injected = new NameSets(this.memory, nameBlockPool, this.names, injected, MAX_INJECTED);
  }

  /** Whole milliseconds on a clock that never goes back: an instant before the last one is the last one. */
  nowMs(): number {
    const now = Math.floor(this.#steadyMs());
    if (now > this.#lastMs) this.#lastMs = now;
    return this.#lastMs;
  }

  /** What rules of an account's own there are: configured ones, then those of a session's tokens. */
  plansOf(scope: Scope, slot: number): readonly RulePlan[] {
    const { plans } = this.plans.scopes[scope];
    const tokens = scope === SESSION ? this.tokens.get(slot) : undefined;
    return tokens === undefined ? plans : plans.concat(tokens.plans);
  }

  /**
   * The first word of an account's counter, its window taken to the present step.
   *
   * @param word the account's first
   * @returns 0 where a window counted nothing yet
   */
  counterAt(word: number, plan: RulePlan, nowMs: number): number {
    if (plan.windowMs === 0) return plan.isToken ? plan.at : word + plan.at;
    const at = plan.isToken ? plan.at : (this.memory.cells[word * 2 + plan.windowCell] ?? 0);
    if (at !== 0) advanceWindow(this.memory.words, at, stepAt(plan.windowMs, nowMs));
    return at;
  }

  /** Counts the calls that keep an account in memory. */
  addOutstanding(scope: typeof SESSION | typeof AGENT, slot: number, calls: number): void {
    const at = this.pools[scope].word(slot) * 2 + CELL.outstanding;
    this.memory.cells[at] = (this.memory.cells[at] ?? 0) + calls;
  }

  /** Marks an account as differing from what the store holds of it. */
  touch(scope: Scope, slot: number): void {
    const cell = this.pools[scope].word(slot) * 2 + CELL.flags;
    this.memory.cells[cell] = (this.memory.cells[cell] ?? 0) | FLAG.dirty;
  }

  /** Marks a change that no call may leave before. */
  need(scope: Scope, slot: number): void {
    if (!this.isDurable) return;
    const cell = this.pools[scope].word(slot) * 2 + CELL.needs;
    this.memory.cells[cell] = (this.memory.cells[cell] ?? 0) + 1;
  }

  /** Adds an amount to a session's totals by currency. More currencies than three are in no total. */
  addAmount(slot: number, currency: number, amount: number): void {
    const { cells, words } = this.memory;
    const word = this.pools[SESSION].word(slot);
    for (let place = 0; place < CURRENCIES; place++) {
      const cell = word * 2 + CELL.currencies + place;
      if (cells[cell] === 0) cells[cell] = currency;
      if (cells[cell] !== currency) continue;
      const at = word + WORD.amounts + place;
      words[at] = Math.min(Number.MAX_SAFE_INTEGER, (words[at] ?? 0) + amount);
      return;
    }
  }

  /** Takes an account out of memory, with everything it refers to. */
  drop(scope: Scope, slot: number): void {
    const pool = this.pools[scope];
    const { cells } = this.memory;
    const cell = pool.word(slot) * 2;
    for (const plan of this.plansOf(scope, slot)) {
      if (plan.isToken) (plan.windowMs === 0 ? this.tokenCounters : this.windows).giveBack(plan.at);
      else if (plan.windowCell !== -1) {
        const block = cells[cell + plan.windowCell] ?? 0;
        if (block !== 0) this.windows.giveBack(block);
      }
    }
    if (scope !== SESSION && scope !== AGENT) return;
    this.names.drop(cells[cell + CELL.issuer] ?? 0);
    this.names.drop(cells[cell + CELL.agent] ?? 0);
    if (scope === SESSION) {
      this.names.drop(cells[cell + CELL.abortReason] ?? 0);
      this.hosts.clear(cell);
      this.injected.clear(cell);
      this.tokens.delete(slot);
      this.digests.delete(slot);
      this.sids[slot] = '';
    }
    pool.drop(slot);
  }
}
