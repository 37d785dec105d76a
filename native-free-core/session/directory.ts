import { readKey } from './account-key.ts';
import { AGENT, CELL, FLAG, SESSION, SIDECAR, WORD } from './account-layout.ts';
import type { BudgetLimit, BudgetRule } from './budget.ts';
import { compileTokenBudgets } from './budgets.ts';
import type { Residence } from './residence.ts';
import type { RulePlan } from './rule-plan.ts';
import { tokenPlan } from './rule-plan.ts';
import type { State } from './state.ts';
import { tighten } from './token-rules.ts';

/** Who a session is of. `key` is one text for the other three: no two sessions share it. */
export interface SessionIdentity {
  readonly key: string;
  readonly iss: string;
  readonly sub: string;
  readonly sid: string;
}

// An account that others push out before its session is opened is brought once more.
const MAX_TRIES = 4;
const KEY_DIGITS = 32;
const SIDECAR_KEY = 'sidecar';

/** Finds and makes sessions and their agents' accounts, and gives sessions the rules of their tokens. */
export class Directory {
  readonly #state: State;
  readonly #residence: Residence | undefined;
  readonly #sha256Hex: (text: string) => string;
  /** Whether a rule is per agent. */
  readonly withAgents: boolean;
  readonly #compiled = new WeakMap<readonly BudgetLimit[], readonly BudgetRule[]>();
  readonly #scratch = new Uint32Array(4);

  constructor(state: State, residence: Residence | undefined, sha256Hex: (text: string) => string) {
    this.#state = state;
    this.#residence = residence;
    this.#sha256Hex = sha256Hex;
    this.withAgents = state.plans.scopes[AGENT].plans.length > 0;
  }

  async openSidecar(): Promise<void> {
    const digest = this.#sha256Hex(SIDECAR_KEY);
    if (this.#residence !== undefined) await this.#residence.bring(SIDECAR, digest.slice(0, KEY_DIGITS));
    else this.#take(SIDECAR, digest);
  }

  /** The slot of a session in memory, or -1. */
  find(key: string): number {
    return this.#find(SESSION, this.#sessionDigest(key));
  }

  /** The slot of a session, -1 where there is no room for it or for the rules of its token. */
  open(
    identity: SessionIdentity,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): number | Promise<number> {
    const digest = this.#sessionDigest(identity.key);
    const slot = this.#find(SESSION, digest);
    if (slot !== -1 && this.hasAgent(slot)) {
      this.#state.pools[SESSION].touch(slot);
      return this.#addTokenBudgets(slot, tokenBudgets) ? slot : -1;
    }
    if (this.#residence !== undefined) {
      return this.#bring(this.#residence, digest, identity, startMs, tokenBudgets);
    }
    const agentDigest = this.#agentDigest(identity);
    if (this.withAgents && this.#find(AGENT, agentDigest) === -1 && this.#take(AGENT, agentDigest) === -1) {
      return -1;
    }
    const made = this.#take(SESSION, digest);
    if (made === -1) return -1;
    const opened = this.#ready(made, identity, agentDigest, startMs, tokenBudgets);
    if (opened === -1) this.#state.drop(SESSION, made);
    return opened;
  }

  /** Slot of the account of a session's agent; -1 where it is not in memory, or no rule is per agent. */
  agentOf(slot: number): number {
    if (!this.withAgents) return -1;
    const { memory, pools } = this.#state;
    const cell = pools[SESSION].word(slot) * 2;
    const agent = (memory.cells[cell + CELL.agentSlot] ?? 0) - 1;
    if (agent === -1) return -1;
    return pools[AGENT].generation(agent) === memory.cells[cell + CELL.agentGeneration] ? agent : -1;
  }

  /** Whether calls of the session can be counted on its agent. */
  hasAgent(slot: number): boolean {
    return !this.withAgents || this.agentOf(slot) !== -1;
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
      if (this.withAgents && this.#find(AGENT, agentDigest) === -1) {
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

  /** Fills in what a session that is in memory may lack, with its agent's account in memory. */
  #ready(
    slot: number,
    identity: SessionIdentity,
    agentDigest: string,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): number {
    const { memory, names, plans, pools, sids } = this.#state;
    const { cells } = memory;
    const word = pools[SESSION].word(slot);
    const cell = word * 2;
    if (cells[cell + CELL.agent] === 0) {
      cells[cell + CELL.issuer] = names.take(identity.iss);
      cells[cell + CELL.agent] = names.take(identity.sub);
      sids[slot] = identity.sid;
      memory.words[word + WORD.startMs] = startMs;
    }
    cells[cell + CELL.agentNumber] = plans.agentNumbers.get(identity.sub) ?? 0;
    if (this.withAgents) {
      const agent = this.#find(AGENT, agentDigest);
      const agentCell = pools[AGENT].word(agent) * 2;
      if (cells[agentCell + CELL.agent] === 0) {
        cells[agentCell + CELL.issuer] = names.take(identity.iss);
        cells[agentCell + CELL.agent] = names.take(identity.sub);
      }
      cells[cell + CELL.agentSlot] = agent + 1;
      cells[cell + CELL.agentGeneration] = pools[AGENT].generation(agent);
      pools[AGENT].touch(agent);
    }
    pools[SESSION].touch(slot);
    return this.#addTokenBudgets(slot, tokenBudgets) ? slot : -1;
  }

  /** @returns false where the session has too many token budgets; nothing is added then */
  #addTokenBudgets(slot: number, limits: readonly BudgetLimit[]): boolean {
    if (limits.length === 0) return true;
    const state = this.#state;
    const known = state.tokens.get(slot);
    if (known?.seen.has(limits) === true) return true;
    const before = known?.plans ?? [];
    const rules = tighten(
      before.map(({ rule }) => rule),
      this.#compile(limits),
    );
    if (rules === undefined) return false;
    const plans: RulePlan[] = [];
    for (const [index, rule] of rules.entries()) {
      const plan = before[index];
      if (plan !== undefined) plans.push(plan.rule === rule ? plan : tokenPlan(rule, plan.at));
      else {
        const at = (rule.windowMs === undefined ? state.tokenCounters : state.windows).take();
        if (at === 0) {
          for (const { at: taken, windowMs } of plans.slice(before.length)) {
            (windowMs === 0 ? state.tokenCounters : state.windows).giveBack(taken);
          }
          return false;
        }
        plans.push(tokenPlan(rule, at));
      }
    }
    const seen = known?.seen ?? new WeakSet();
    seen.add(limits);
    state.tokens.set(slot, { plans, seen });
    const cell = state.pools[SESSION].word(slot) * 2 + CELL.flags;
    state.memory.cells[cell] = (state.memory.cells[cell] ?? 0) | FLAG.hasTokenRules;
    // After a restart only the store knows the limits of a token that is not presented again.
    state.touch(SESSION, slot);
    state.need(SESSION, slot);
    return true;
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

  #sessionDigest(key: string): string {
    return this.#sha256Hex(`session\n${key}`);
  }

  #agentDigest(identity: SessionIdentity): string {
    return this.withAgents ? this.#sha256Hex(`agent\n${identity.iss}\n${identity.sub}`) : '';
  }
}
