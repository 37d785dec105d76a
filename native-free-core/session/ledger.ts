import { matchesHost } from '../registry/host-match.ts';
import { AGENT, CELL, COMMITTED, FLAG, HELD, SESSION } from './account-layout.ts';
import type { Accounts } from './accounts.ts';
import type { BudgetLine, Charge, Exceeded } from './budget.ts';
import type { Counters } from './counters.ts';
import { counts, exceeded, sessionLimit, stale } from './refusals.ts';
import type { Entry } from './reservations.ts';
import { classPlan, NO_PLANS } from './rule-plan.ts';
import type { ClassPlan, RulePlan } from './rule-plan.ts';
import type { State } from './state.ts';

const NO_TOKENS: readonly RulePlan[] = Object.freeze([]);
const IN_FLIGHT_FULL = sessionLimit('calls_in_flight');
const WINDOWS_FULL = sessionLimit('windows');

/**
 * Reserves, charges and gives back: the counters of a call's session, agent and sidecar. In a turn of the session; locks of
 * agent and sidecar are taken here.
 *
 * INVARIANT: committed + held of a counter never exceeds the limit it had when the last of it was held; sums are compared
 * by subtraction, so they stay exact up to 2^53-1.
 */
export class Ledger {
  readonly #state: State;
  readonly #words: Float64Array;
  readonly #cells: Uint32Array;
  readonly #isDurable: boolean;
  readonly #agents: Accounts;
  readonly #counters: Counters;

  constructor(state: State, counters: Counters) {
    this.#state = state;
    this.#words = state.memory.words;
    this.#cells = state.memory.cells;
    this.#isDurable = state.isDurable;
    this.#agents = state.pools[AGENT];
    this.#counters = counters;
  }

  /**
   * Holds a call's use of every rule that counts it, or of none.
   *
   * @param entry with the slots of its accounts; what it holds is filled in
   * @param hasPlace whether one more call may be open; a budget that has no room answers first
   * @returns why there is no room, or what the call is charged and what remains of each budget after it
   */
  reserve(entry: Entry, charge: Charge, hasPlace: boolean): Exceeded | readonly BudgetLine[] {
    const configured = this.#configured(charge);
    entry.ofAgent = configured.ofAgent;
    entry.ofSidecar = configured.ofSidecar;
    const { wanted } = this.#counters;
    const lines: BudgetLine[] = [];
    const tokens = charge.classIndex >= 0 ? this.#tokens(entry) : NO_TOKENS;
    this.#counters.lock(entry);
    try {
      // It may have left memory since.
      const agent = entry.ofAgent ? this.#agents.generation(entry.agent) : entry.agentGeneration;
      if (agent !== entry.agentGeneration) throw stale();
      let refused =
        configured.plans.length === 0 ? undefined : this.#hold(configured.plans, entry, charge, lines);
      // The two groups cover currencies separately: a budget of the sidecar does not open a currency the token leaves out.
      if (refused === undefined && tokens.length > 0) refused = this.#hold(tokens, entry, charge, lines);
      if (refused === undefined && hasPlace) {
        this.#counters.began(entry);
        return lines;
      }
      this.#undo(entry);
      this.#counters.wanted = wanted;
      return refused ?? IN_FLIGHT_FULL;
    } finally {
      this.#counters.unlock(entry);
    }
  }

  /** @throws RangeError where this thread knows older ones: what they let through, a later token may not */
  #tokens({ byScope, session }: Entry): readonly RulePlan[] {
    const flags = this.#cells[byScope[SESSION] * 2 + CELL.flags] ?? 0;
    if ((flags & FLAG.hasTokenRules) === 0) return NO_TOKENS;
    const known = this.#state.tokens.get(session);
    if (known === undefined || known.version !== this.#state.tokenVersion(session)) throw stale();
    return known.plans;
  }

  #configured({ classIndex, otherClasses }: Charge): ClassPlan {
    const { all, byClass } = this.#state.plans;
    if (otherClasses.length === 0) return byClass[classIndex] ?? NO_PLANS;
    return classPlan(all, [classIndex, ...otherClasses]);
  }

  /**
   * Holds a call's use of the rules of a group, as long as they have room. In one pass, since nobody sees a counter before it
   * is unlocked; of an answer the caller takes back what was held.
   *
   * @param lines gets what the call is charged
   * @returns why there is no room: a rule that ends the session answers first, else the first in order
   */
  #hold(plans: readonly RulePlan[], entry: Entry, charge: Charge, lines: BudgetLine[]): Exceeded | undefined {
    const { byScope } = entry;
    const agentNumber = entry.agentNumber;
    const words = this.#words;
    let first: RulePlan | undefined;
    let firstAt = 0;
    let firstUse = -1;
    let otherCurrency: RulePlan | undefined;
    let currencyCovered = false;
    for (let index = 0; index < plans.length; index++) {
      const plan = plans[index];
      if (plan === undefined) break;
      if (plan.isPlain) {
        const at = byScope[plan.scope] + plan.at;
        const left = plan.limit - (words[at + COMMITTED] ?? 0) - (words[at + HELD] ?? 0);
        if (left >= 1) {
          this.#add(entry, plan, at, 1, left - 1, lines);
          continue;
        }
      }
      if (plan.agentNumber !== 0 && plan.agentNumber !== agentNumber) continue;
      if (plan.isToken && !counts(plan, charge)) continue;
      if (plan.host !== undefined && !matchesHost(plan.host, charge.host)) continue;
      const at = this.#counters.at(plan, byScope[plan.scope]);
      if (at === 0) return WINDOWS_FULL;
      let use = 1;
      if (plan.isAmount) {
        if (!entry.isReadable) {
          if (first === undefined) {
            first = plan;
            firstAt = at;
          }
          continue;
        }
        if (plan.currency !== charge.currency) {
          otherCurrency ??= plan;
          continue;
        }
        currencyCovered = true;
        use = entry.amount;
      }
      if (entry.isRepeatFor(plan)) use = 0;
      const room = plan.limit - (this.#words[at + COMMITTED] ?? 0);
      if (use > room && plan.aborts) return this.#exceeded(plan, at, use, true);
      const left = room - (this.#words[at + HELD] ?? 0);
      if (use <= left) {
        // Bytes are charged as they pass; a call only needs a remainder.
        const charged = plan.isBytes ? 0 : use;
        this.#add(entry, plan, at, charged, left - charged, lines);
      } else if (first === undefined) {
        first = plan;
        firstAt = at;
        firstUse = use;
      }
    }
    if (first !== undefined) return this.#exceeded(first, firstAt, firstUse, false);
    if (otherCurrency === undefined || currencyCovered) return undefined;
    const at = this.#counters.at(otherCurrency, byScope[otherCurrency.scope]);
    return this.#exceeded(otherCurrency, at, -1, false);
  }

  #exceeded(plan: RulePlan, at: number, use: number, abort: boolean): Exceeded {
    return exceeded(this.#words, plan, at, use, abort, plan.windowMs === 0 ? 0 : this.#counters.now());
  }

  #add(
    entry: Entry,
    plan: RulePlan,
    at: number,
    charged: number,
    remaining: number,
    lines: BudgetLine[],
  ): void {
    const words = this.#words;
    entry.add(plan, at, charged);
    words[at + HELD] = (words[at + HELD] ?? 0) + charged;
    lines.push({ name: plan.name, charged, remaining });
    if (this.#isDurable) this.#counters.look(plan, at);
  }

  #undo({ amounts, at: counters, count }: Entry): void {
    for (let index = 0; index < count; index++) {
      const at = counters[index] ?? 0;
      this.#words[at + HELD] = (this.#words[at + HELD] ?? 0) - (amounts[index] ?? 0);
    }
  }
}
