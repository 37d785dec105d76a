import { readKey } from './account-key.ts';
import { AGENT, AGENT_NUMBER, CELL, SESSION, SIDECAR, withSmall, WORD } from './account-layout.ts';
import type { BudgetLimit, BudgetRule } from './budget.ts';
import { compileTokenBudgets } from './budgets.ts';
import type { Residence } from './residence.ts';
import { sessionDigest } from './session-key.ts';
import type { SessionIdentity } from './session-key.ts';
import type { State } from './state.ts';
import { addTokenRules } from './token-session.ts';

// An account that others push out before its session is opened is brought once more.
const MAX_TRIES = 4;
const KEY_DIGITS = 32;
const SIDECAR_KEY = 'sidecar';

/** Finds and makes sessions and their agents' accounts, and gives sessions the rules of their tokens. Home only. */
export class Directory {
  readonly #state: State;
  readonly #residence: Residence | undefined;
  readonly #sha256Hex: (text: string) => string;
  readonly #compiled = new WeakMap<readonly BudgetLimit[], readonly BudgetRule[]>();
  readonly #scratch = new Uint32Array(4);

  constructor(state: State, residence: Residence | undefined, sha256Hex: (text: string) => string) {
    this.#state = state;
    this.#residence = residence;
    this.#sha256Hex = sha256Hex;
  }

  async openSidecar(): Promise<void> {
    const digest = this.#sha256Hex(SIDECAR_KEY);
    if (this.#residence !== undefined) await this.#residence.bring(SIDECAR, digest.slice(0, KEY_DIGITS));
    else this.#take(SIDECAR, digest);
  }

  /** The handle of a session, -1 where there is no room for it, its names or the rules of its token. */
  open(
    identity: SessionIdentity,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): number | Promise<number> {
    const digest = sessionDigest(this.#sha256Hex, identity.key);
    const slot = this.#find(SESSION, digest);
    if (slot !== -1 && this.#state.hasAgent(slot)) {
      this.#state.pools[SESSION].touch(slot);
      return this.#addTokenBudgets(slot, tokenBudgets) ? this.#state.pools[SESSION].handle(slot) : -1;
    }
    if (this.#residence !== undefined) {
      return this.#bring(this.#residence, digest, identity, startMs, tokenBudgets);
    }
    const agentDigest = this.#agentDigest(identity);
    if (
      this.#state.withAgents &&
      this.#find(AGENT, agentDigest) === -1 &&
      this.#take(AGENT, agentDigest) === -1
    ) {
      return -1;
    }
    const made = this.#take(SESSION, digest);
    if (made === -1) return -1;
    const opened = this.#ready(made, identity, agentDigest, startMs, tokenBudgets);
    if (opened === -1) {
      this.#state.turns.begin(made);
      this.#state.drop(SESSION, made);
      this.#state.turns.end();
    }
    return opened;
  }

  async #bring(
    residence: Residence,
    digest: string,
    identity: SessionIdentity,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): Promise<number> {
    const agentDigest = this.#agentDigest(identity);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const loads: Promise<boolean>[] = [];
      if (this.#state.withAgents && this.#find(AGENT, agentDigest) === -1) {
        loads.push(residence.bring(AGENT, agentDigest.slice(0, KEY_DIGITS)));
      }
      const slot = this.#find(SESSION, digest);
      if (slot === -1) loads.push(residence.bring(SESSION, digest.slice(0, KEY_DIGITS)));
      if (loads.length === 0) return this.#ready(slot, identity, agentDigest, startMs, tokenBudgets);
      const brought = await Promise.all(loads);
      if (!brought.every(Boolean)) return -1;
    }
    return -1;
  }

  /**
   * Fills in what a session that is in memory may lack, with its agent's account in memory.
   *
   * @returns its handle, -1 where there is no room for names or rules
   */
  #ready(
    slot: number,
    identity: SessionIdentity,
    agentDigest: string,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): number {
    const { plans, pools, turns } = this.#state;
    const { cells, words } = this.#state.memory;
    const word = pools[SESSION].word(slot);
    const cell = word * 2;
    turns.begin(slot);
    try {
      if (cells[cell + CELL.agent] === 0) {
        if (!this.#name(cell, identity)) return -1;
        const sid = this.#state.sids.put(identity.sid);
        if (sid === 0) return -1;
        cells[cell + CELL.sid] = sid;
        words[word + WORD.startMs] = startMs;
      }
      const number = plans.agentNumbers.get(identity.sub) ?? 0;
      cells[cell + CELL.flags] = withSmall(cells[cell + CELL.flags] ?? 0, AGENT_NUMBER, number);
      if (this.#state.withAgents) {
        const agent = this.#find(AGENT, agentDigest);
        if (!this.#readyAgent(agent, identity)) return -1;
        cells[cell + CELL.agentSlot] = agent + 1;
        cells[cell + CELL.agentGeneration] = pools[AGENT].generation(agent);
      }
    } finally {
      turns.end();
    }
    pools[SESSION].touch(slot);
    return this.#addTokenBudgets(slot, tokenBudgets) ? this.#state.pools[SESSION].handle(slot) : -1;
  }

  #readyAgent(agent: number, identity: SessionIdentity): boolean {
    const { memory, pools } = this.#state;
    const pool = pools[AGENT];
    pool.touch(agent);
    const cell = pool.word(agent) * 2;
    if (memory.cells[cell + CELL.agent] !== 0) return true;
    pool.locks.lock(agent);
    const named = this.#name(cell, identity);
    pool.locks.unlock(agent);
    return named;
  }

  #name(cell: number, { iss, sub }: SessionIdentity): boolean {
    const { memory, names } = this.#state;
    const issuer = names.take(iss);
    const agent = issuer === 0 ? 0 : names.take(sub);
    if (agent === 0) {
      names.drop(issuer);
      return false;
    }
    memory.cells[cell + CELL.issuer] = issuer;
    memory.cells[cell + CELL.agent] = agent;
    return true;
  }

  /** @returns false where the session has too many token budgets; nothing is added then */
  #addTokenBudgets(slot: number, limits: readonly BudgetLimit[]): boolean {
    if (limits.length === 0 || this.#state.tokens.get(slot)?.seen.has(limits) === true) return true;
    const rules = this.#compile(limits);
    const { turns } = this.#state;
    turns.begin(slot);
    try {
      return addTokenRules(this.#state, slot, limits, rules);
    } finally {
      turns.end();
    }
  }

  #compile(limits: readonly BudgetLimit[]): readonly BudgetRule[] {
    let rules = this.#compiled.get(limits);
    if (rules === undefined) {
      rules = compileTokenBudgets(limits);
      this.#compiled.set(limits, rules);
    }
    return rules;
  }

  #find(scope: typeof SESSION | typeof AGENT, digest: string): number {
    readKey(digest, this.#scratch);
    return this.#state.pools[scope].find(this.#scratch);
  }

  #take(scope: 0 | 1 | 2, digest: string): number {
    readKey(digest, this.#scratch);
    return this.#state.pools[scope].take(this.#scratch);
  }

  #agentDigest(identity: SessionIdentity): string {
    return this.#state.withAgents ? this.#sha256Hex(`agent\n${identity.iss}\n${identity.sub}`) : '';
  }
}
