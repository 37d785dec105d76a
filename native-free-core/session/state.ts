import type { Scope } from './account-layout.ts';
import {
  AGENT,
  CELL,
  CURRENCIES,
  FLAG,
  HOSTS_INLINE,
  SESSION,
  TOKEN_COUNTER_WORDS,
  WORD,
} from './account-layout.ts';
import { Accounts, accountsWords } from './accounts.ts';
import { BlockPool, poolWords } from './block-pool.ts';
import { Journal, JournalMemory } from './journal.ts';
import { Later } from './later.ts';
import { Memory } from './memory.ts';
import { NAME_BLOCK_WORDS, nameBlocks, NameSets } from './name-set.ts';
import { Names, namesWords } from './names.ts';
import { DIGESTS_WORDS, RecentDigests } from './recent-digests.ts';
import type { Plans, RulePlan } from './rule-plan.ts';
import type { SharedSessions } from './shared.ts';
import { TextStore, textWords } from './text-store.ts';
import { MAX_TOKEN_RULES, MAX_TOKEN_WINDOWS, type TokenRules } from './token-rules.ts';
import { Turns } from './turns.ts';
import { advanceWindow, stepAt, TOKEN_WINDOW_WORDS, WINDOW_WORDS } from './window.ts';

export const MAX_HOSTS = 256;
export const MAX_INJECTED = 256;

// Of address space; what no session touches costs no memory.
const MAX_WORDS = 2 ** 28;
const GUARD_WORDS = 8;
/** Names that a session has room for that shares none with others, on average; the last eighth is not for hosts. */
const NAMES_EACH = 32;
const SPARE_NAMES = 4096;
/** Blocks of the text of a `sid`: 108 characters, on average. */
const SID_BLOCKS = 4;

export interface StateOptions {
  readonly plans: Plans;
  readonly maxSessions: number;
  readonly maxAgents: number;
  readonly steadyMs: () => number;
  readonly sha256Hex: (text: string) => string;
  /** Whether there is a store to tell of what changes. */
  readonly isDurable: boolean;
  /** Of the home, and which thread this is; absent in the home. */
  readonly shared?: { readonly of: SharedSessions; readonly thread: number } | undefined;
}

/** Everything a session table knows: accounts, blocks and names in one buffer, and what a thread keeps beside it. */
export class State {
  readonly memory: Memory;
  readonly plans: Plans;
  readonly isDurable: boolean;
  /** By scope. */
  readonly pools: readonly [sessions: Accounts, agents: Accounts, sidecar: Accounts];
  readonly turns: Turns;
  /** What the home could not do because another thread held a lock. */
  readonly later: Later;
  /** Absent in the home: what it has begun nobody else ends. */
  readonly journal: Journal | undefined;
  readonly windows: BlockPool;
  readonly tokenCounters: BlockPool;
  readonly tokenWindows: BlockPool;
  readonly nameBlocks: BlockPool;
  readonly digestBlocks: BlockPool;
  readonly names: Names;
  readonly sids: TextStore;
  readonly hosts: NameSets;
  readonly injected: NameSets;
  readonly digests: RecentDigests;
  /** Whether a rule is per agent. */
  readonly withAgents: boolean;
  /** By slot of the session, where it has any. In another thread than the home's they may be old: see `tokensOf`. */
  readonly tokens = new Map<number, TokenRules>();
  readonly #steadyMs: () => number;
  #lastMs = 0;

  constructor(options: StateOptions) {
    const { plans, maxAgents, shared } = options;
    this.plans = plans;
    this.isDurable = options.isDurable;
    this.#steadyMs = options.steadyMs;
    this.nowMs();
    this.later = new Later(options.steadyMs);
    const [session, agent, sidecar] = plans.scopes;
    this.withAgents = agent.plans.length > 0;
    const blocksEach = nameBlocks(MAX_HOSTS, HOSTS_INLINE) + nameBlocks(MAX_INJECTED, 0);
    // INVARIANT: every session has room for all it may hold, so no session's blocks are another one's refusal. Only the
    // texts of names are shared: see `NAMES_EACH`.
    const wordsEach =
      session.width +
      blocksEach * NAME_BLOCK_WORDS +
      session.windows * WINDOW_WORDS +
      MAX_TOKEN_WINDOWS * TOKEN_WINDOW_WORDS +
      MAX_TOKEN_RULES * TOKEN_COUNTER_WORDS +
      DIGESTS_WORDS +
      (namesWords(NAMES_EACH * 1024) + textWords(SID_BLOCKS * 1024)) / 1024;
    const maxSessions = Math.min(options.maxSessions, Math.floor(MAX_WORDS / wordsEach));
    const maxNames = maxSessions * NAMES_EACH + maxAgents + SPARE_NAMES;
    const pools: readonly (readonly [width: number, max: number])[] = [
      [WINDOW_WORDS, maxSessions * session.windows + maxAgents * agent.windows + sidecar.windows],
      [TOKEN_COUNTER_WORDS, maxSessions * MAX_TOKEN_RULES],
      [TOKEN_WINDOW_WORDS, maxSessions * MAX_TOKEN_WINDOWS],
      [NAME_BLOCK_WORDS, maxSessions * blocksEach],
      [DIGESTS_WORDS, maxSessions],
    ];
    let words = GUARD_WORDS + namesWords(maxNames) + textWords(maxSessions * SID_BLOCKS);
    words += accountsWords(maxSessions, session.width);
    words += accountsWords(maxAgents, agent.width) + accountsWords(1, sidecar.width);
    for (const [width, max] of pools) words += poolWords(width, max);
    this.memory = new Memory(shared?.of.buffer ?? words, shared?.thread ?? 0);
    // No block begins at word 0, which stands for none.
    this.memory.region(GUARD_WORDS);
    this.pools = [
      new Accounts(this.memory, maxSessions, session.width),
      new Accounts(this.memory, maxAgents, agent.width),
      new Accounts(this.memory, 1, sidecar.width),
    ];
    const [windows, counters, tokenWindows, blocks, digests] = pools.map(
      ([width, max]) => new BlockPool(this.memory, width, max),
    );
    if (!windows || !counters || !tokenWindows || !blocks || !digests) throw new RangeError('no pools');
    this.windows = windows;
    this.tokenCounters = counters;
    this.tokenWindows = tokenWindows;
    this.nameBlocks = blocks;
    this.digestBlocks = digests;
    this.names = new Names(this.memory, maxNames, options.sha256Hex);
    this.sids = new TextStore(this.memory, maxSessions * SID_BLOCKS);
    this.digests = new RecentDigests(this.memory, this.digestBlocks);
    if (shared !== undefined) {
      const journals = new JournalMemory(plans.all.length, shared.of.journals, shared.thread);
      this.journal = new Journal(this.memory, journals);
    }
    const hosts = {
      count: CELL.hostCount,
      chain: CELL.hostChain,
      inline: CELL.hosts,
      inlineCount: HOSTS_INLINE,
    };
    this.hosts = new NameSets(this, hosts, MAX_HOSTS);
    const injected = { count: CELL.injectedCount, chain: CELL.injectedChain, inline: 0, inlineCount: 0 };
    this.injected = new NameSets(this, injected, MAX_INJECTED);
    this.turns = new Turns(this.pools[SESSION], this.journal);
  }

  /** Whole milliseconds on a clock that never goes back: an instant before the last one is the last one. */
  nowMs(): number {
    const now = Math.floor(this.#steadyMs());
    if (now > this.#lastMs) this.#lastMs = now;
    return this.#lastMs;
  }

  /** Takes the lock of an account. @throws LockStuck, in the home alone */
  begin(scope: Scope, slot: number): void {
    if (scope === SESSION) this.turns.begin(slot);
    else this.pools[scope].locks.lock(slot);
  }

  /** Lets go of the lock of an account. */
  end(scope: Scope, slot: number): void {
    if (scope === SESSION) this.turns.end();
    else this.pools[scope].locks.unlock(slot);
  }

  /** What rules of an account's own there are: configured ones, then those of a session's tokens. */
  plansOf(scope: Scope, slot: number): readonly RulePlan[] {
    const { plans } = this.plans.scopes[scope];
    const tokens = scope === SESSION ? this.tokens.get(slot) : undefined;
    return tokens === undefined ? plans : plans.concat(tokens.plans);
  }

  /** Counts how often the rules of a session's tokens changed. */
  tokenVersion(slot: number): number {
    return this.memory.cells[this.pools[SESSION].word(slot) * 2 + CELL.tokenVersion] ?? 0;
  }

  /** Whether this thread knows the rules of a session's tokens as they are. */
  knowsTokens(slot: number): boolean {
    const cell = this.pools[SESSION].word(slot) * 2;
    if (((this.memory.cells[cell + CELL.flags] ?? 0) & FLAG.hasTokenRules) === 0) return true;
    return this.tokens.get(slot)?.version === this.memory.cells[cell + CELL.tokenVersion];
  }

  /** Slot of the account of a session's agent; -1 where it is not in memory, or no rule is per agent. */
  agentOf(slot: number): number {
    if (!this.withAgents) return -1;
    const { cells } = this.memory;
    const cell = this.pools[SESSION].word(slot) * 2;
    const agent = (cells[cell + CELL.agentSlot] ?? 0) - 1;
    if (agent === -1) return -1;
    return this.pools[AGENT].generation(agent) === cells[cell + CELL.agentGeneration] ? agent : -1;
  }

  /** Whether calls of the session can be counted on its agent. */
  hasAgent(slot: number): boolean {
    return !this.withAgents || this.agentOf(slot) !== -1;
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

  /** Marks a change of what policies see of a session. */
  revise(slot: number): void {
    const cell = this.pools[SESSION].word(slot) * 2 + CELL.revision;
    this.memory.cells[cell] = (this.memory.cells[cell] ?? 0) + 1;
  }

  /** Marks a change that no call may leave before. */
  need(scope: Scope, slot: number): void {
    if (!this.isDurable) return;
    const cell = this.pools[scope].word(slot) * 2 + CELL.needs;
    this.memory.cells[cell] = (this.memory.cells[cell] ?? 0) + 1;
  }

  /** Whether every change that a call must not leave before is saved. */
  isSettled(scope: Scope, slot: number): boolean {
    const { cells } = this.memory;
    const cell = this.pools[scope].word(slot) * 2;
    return cells[cell + CELL.needs] === cells[cell + CELL.saved];
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

  /** Takes an account out of memory, with everything it refers to. Home only, under the account's lock. */
  drop(scope: Scope, slot: number): void {
    const pool = this.pools[scope];
    const { cells } = this.memory;
    const cell = pool.word(slot) * 2;
    for (const plan of this.plansOf(scope, slot)) {
      if (plan.isToken) (plan.windowMs === 0 ? this.tokenCounters : this.tokenWindows).giveBack(plan.at);
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
      const digests = cells[cell + CELL.digests] ?? 0;
      if (digests !== 0) this.digestBlocks.giveBack(digests);
      this.sids.drop(cells[cell + CELL.sid] ?? 0);
    }
    pool.drop(slot);
  }
}
