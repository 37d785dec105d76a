import { matchesHost } from '../registry/host-match.ts';
import {
  AGENT,
  CELL,
  COMMITTED,
  FLAG,
  HELD,
  PENDING_ROOM,
  ROOM,
  SESSION,
  SIDECAR,
} from './account-layout.ts';
import type { Accounts } from './accounts.ts';
import type { BudgetLine, Charge, Exceeded } from './budget.ts';
import { safeRoom, wantsSave } from './grant.ts';
import { RecentDigests } from './recent-digests.ts';
import type { Entry } from './reservations.ts';
import { classPlan, NO_PLANS } from './rule-plan.ts';
import type { ClassPlan, RulePlan } from './rule-plan.ts';
import type { State } from './state.ts';
import { addToWindow, advanceWindow, beginWindow, freedAtMs, stepAt } from './window.ts';

/** What became of bytes that are about to pass. */
export type BytesTaken = 'taken' | 'held' | 'full' | 'ends';

/** A call that the session is too large for: no budget of it is meant. */
export function sessionLimit(name: string): Exceeded {
  return Object.freeze({
    reason: 'SESSION_LIMIT',
    name,
    abort: false,
    remaining: undefined,
    retryAfterS: undefined,
  });
}

function counts({ rule }: RulePlan, { classIndex, otherClasses }: Charge): boolean {
  if (rule.match[classIndex] === 1) return true;
  for (const other of otherClasses) if (rule.match[other] === 1) return true;
  return false;
}

const WINDOWS_FULL = sessionLimit('windows');

/**
 * Reserves, charges and gives back: the counters of a call's session, agent and sidecar.
 *
 * INVARIANT: committed + held of a counter never exceeds the limit it had when the last of it was held; sums are compared
 * by subtraction, so they stay exact up to 2^53-1.
 */
export class Ledger {
  readonly #state: State;
  readonly #words: Float64Array;
  readonly #cells: Uint32Array;
  readonly #isDurable: boolean;
  readonly #sessions: Accounts;
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
    [this.#sessions, this.#agents, this.#sidecar] = state.pools;
  }

  /**
   * Holds a call's use of every rule that counts it, or of none.
   *
   * @param entry with the slots of its accounts; what it holds is filled in
   * @returns why there is no room, or what the call is charged and what remains of each budget after it
   */
  reserve(entry: Entry, charge: Charge): Exceeded | readonly BudgetLine[] {
    const configured = this.#configured(charge);
    entry.ofAgent = configured.ofAgent;
    entry.ofSidecar = configured.ofSidecar;
    this.#nowMs = 0;
    const { wanted } = this;
    const lines: BudgetLine[] = [];
    this.#lock(entry);
    let exceeded =
      configured.plans.length === 0 ? undefined : this.#hold(configured.plans, entry, charge, lines);
    if (exceeded === undefined && charge.classIndex >= 0) {
      // The two groups cover currencies separately: a budget of the sidecar does not open a currency the token leaves out.
      const cell = entry.byScope[SESSION] * 2;
      if (((this.#cells[cell + CELL.flags] ?? 0) & FLAG.hasTokenRules) !== 0) {
        const tokens = this.#state.tokens.get(entry.session);
        if (tokens !== undefined) exceeded = this.#hold(tokens.plans, entry, charge, lines);
      }
    }
    if (exceeded !== undefined) {
      this.#undo(entry);
      this.wanted = wanted;
    }
    this.#unlock(entry);
    return exceeded ?? lines;
  }

  #configured({ classIndex, otherClasses }: Charge): ClassPlan {
    const { all, byClass } = this.#state.plans;
    if (otherClasses.length === 0) return byClass[classIndex] ?? NO_PLANS;
    return classPlan(all, [classIndex, ...otherClasses]);
  }

  /** Charges for good what an entry holds; calls open at once stay held until `end`. */
  commit(entry: Entry): void {
    this.#nowMs = 0;
    if (entry.isIdempotent) this.#lookAgain(entry);
    let isNew = false;
    this.#lock(entry);
    for (let index = 0; index < entry.count; index++) {
      const plan = entry.plans[index];
      if (plan === undefined || plan.isInFlight) continue;
      const at = entry.at[index] ?? 0;
      const amount = entry.amounts[index] ?? 0;
      this.#words[at + HELD] = (this.#words[at + HELD] ?? 0) - amount;
      // The other one of two equal calls under way was charged.
      if (entry.isRepeatFor(plan)) continue;
      this.#charge(plan, at, amount);
      if (entry.isFreeAgain(plan)) isNew = true;
    }
    if (isNew) this.#remember(entry);
    if (entry.currency !== 0 && entry.repeatAgeMs === -1) {
      this.#state.addAmount(entry.session, entry.currency, entry.amount);
    }
    this.#unlock(entry);
    this.#touch(entry);
  }

  /** Gives back what an entry holds: of one that was committed, its place among the calls open at once. */
  end(entry: Entry): void {
    if (entry.committed && !entry.countsInFlight) return;
    this.#lock(entry);
    for (let index = 0; index < entry.count; index++) {
      const plan = entry.plans[index];
      if (plan === undefined || (entry.committed && !plan.isInFlight)) continue;
      const at = entry.at[index] ?? 0;
      this.#words[at + HELD] = (this.#words[at + HELD] ?? 0) - (entry.amounts[index] ?? 0);
      this.#look(plan, at);
    }
    this.#unlock(entry);
    if (!entry.committed) this.#touch(entry);
  }

  /**
   * Charges bytes as they pass to every budget of bytes of a call, or to none.
   *
   * @returns `full` where one has no room, `ends` where that ends the session; `held` where the store has to hear first: then they are held, and
   *   `settleBytes` ends that
   */
  takeBytes(entry: Entry, bytes: number): BytesTaken {
    this.#nowMs = 0;
    this.#lock(entry);
    let answer: BytesTaken = 'taken';
    for (let index = 0; index < entry.count && answer !== 'full' && answer !== 'ends'; index++) {
      const plan = entry.plans[index];
      if (plan === undefined || !plan.isBytes) continue;
      const at = entry.at[index] ?? 0;
      if (plan.windowMs !== 0) advanceWindow(this.#words, at, stepAt(plan.windowMs, this.#now()));
      const held = this.#words[at + HELD] ?? 0;
      const room = this.#limitOf(plan, entry.session) - (this.#words[at + COMMITTED] ?? 0);
      if (bytes > room - held) answer = plan.aborts && bytes > room ? 'ends' : 'full';
      else if (this.#isDurable && bytes > safeRoom(this.#words, at) - held) answer = 'held';
    }
    if (answer === 'taken' || answer === 'held') this.#passBytes(entry, bytes, answer === 'taken');
    this.#unlock(entry);
    if (answer === 'taken') this.#touch(entry);
    return answer;
  }

  /** Ends what `takeBytes` held. The reservation itself may be gone by then, so its lists are given. */
  settleBytes(
    plans: readonly RulePlan[],
    counters: readonly number[],
    bytes: number,
    charged: boolean,
  ): void {
    this.#nowMs = 0;
    for (let index = 0; index < counters.length; index++) {
      const plan = plans[index];
      const at = counters[index];
      if (plan === undefined || at === undefined) continue;
      this.#words[at + HELD] = (this.#words[at + HELD] ?? 0) - bytes;
      if (charged) this.#charge(plan, at, bytes);
    }
  }

  #passBytes(entry: Entry, bytes: number, charged: boolean): void {
    for (let index = 0; index < entry.count; index++) {
      const plan = entry.plans[index];
      if (plan === undefined || !plan.isBytes) continue;
      const at = entry.at[index] ?? 0;
      if (charged) this.#charge(plan, at, bytes);
      else this.#words[at + HELD] = (this.#words[at + HELD] ?? 0) + bytes;
      this.#look(plan, at);
    }
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
      const at = this.#counter(plan, byScope[plan.scope]);
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
    const at = this.#counter(otherCurrency, byScope[otherCurrency.scope]);
    return this.#exceeded(otherCurrency, at, -1, false);
  }

  /** @param use -1 where waiting does not help */
  #exceeded(plan: RulePlan, at: number, use: number, abort: boolean): Exceeded {
    const room = plan.limit - (this.#words[at + COMMITTED] ?? 0);
    let retryAfterS: number | undefined;
    if (!abort && use !== -1 && use <= plan.limit) {
      if (use <= room) retryAfterS = 1;
      else if (plan.windowMs !== 0) {
        const freeMs = freedAtMs(this.#words, at, plan.windowMs, use - room);
        if (freeMs !== undefined) retryAfterS = Math.max(1, Math.ceil((freeMs - this.#now()) / 1000));
      }
    }
    const remaining = Math.max(0, room - (this.#words[at + HELD] ?? 0));
    return { reason: 'BUDGET_EXCEEDED', name: plan.name, abort, remaining, retryAfterS };
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
    if (this.#isDurable && wantsSave(words, at, plan)) this.wanted |= 1 << plan.scope;
  }

  #undo({ amounts, at: counters, count }: Entry): void {
    for (let index = 0; index < count; index++) {
      const at = counters[index] ?? 0;
      this.#words[at + HELD] = (this.#words[at + HELD] ?? 0) - (amounts[index] ?? 0);
    }
  }

  /** @returns 0 where a window would be new and there is no block left */
  #counter(plan: RulePlan, word: number): number {
    if (plan.windowMs === 0) return plan.isToken ? plan.at : word + plan.at;
    const step = stepAt(plan.windowMs, this.#now());
    const cell = word * 2 + plan.windowCell;
    let at = plan.isToken ? plan.at : (this.#cells[cell] ?? 0);
    if (at === 0) {
      at = this.#state.windows.take();
      if (at === 0) return 0;
      beginWindow(this.#words, at, step);
      this.#cells[cell] = at;
    } else advanceWindow(this.#words, at, step);
    return at;
  }

  #charge(plan: RulePlan, at: number, amount: number): void {
    if (plan.windowMs === 0) this.#words[at + COMMITTED] = (this.#words[at + COMMITTED] ?? 0) + amount;
    else {
      advanceWindow(this.#words, at, stepAt(plan.windowMs, this.#now()));
      addToWindow(this.#words, at, amount);
    }
    if (!this.#isDurable) return;
    this.#words[at + ROOM] = (this.#words[at + ROOM] ?? 0) - amount;
    this.#words[at + PENDING_ROOM] = (this.#words[at + PENDING_ROOM] ?? 0) - amount;
  }

  #look(plan: RulePlan, at: number): void {
    if (this.#isDurable && wantsSave(this.#words, at, plan)) this.wanted |= 1 << plan.scope;
  }

  /** A call that is equal may have been charged since this one was reserved. */
  #lookAgain(entry: Entry): void {
    const { idempotency, idempotencyHeader, session } = entry;
    if (idempotency === undefined || idempotencyHeader === undefined) return;
    entry.repeatAgeMs =
      this.#state.digests.get(session)?.age(idempotencyHeader, idempotency, this.#now()) ?? -1;
  }

  #remember({ idempotency, idempotencyHeader, session }: Entry): void {
    if (idempotency === undefined || idempotencyHeader === undefined) return;
    let digests = this.#state.digests.get(session);
    if (digests === undefined) {
      digests = new RecentDigests();
      this.#state.digests.set(session, digests);
    }
    digests.charged(idempotencyHeader, idempotency, this.#now());
  }

  /** A token that came since may have tightened the rule. */
  #limitOf(plan: RulePlan, session: number): number {
    if (!plan.isToken) return plan.limit;
    const { plans } = this.#state.tokens.get(session) ?? { plans: [] };
    for (const now of plans) if (now.at === plan.at) return now.limit;
    return plan.limit;
  }

  #touch(entry: Entry): void {
    this.#state.touch(SESSION, entry.session);
    if (entry.ofAgent) this.#state.touch(AGENT, entry.agent);
    if (entry.ofSidecar) this.#state.touch(SIDECAR, 0);
  }

  #now(): number {
    if (this.#nowMs === 0) this.#nowMs = this.#state.nowMs();
    return this.#nowMs;
  }

  #lock(entry: Entry): void {
    this.#sessions.locks.lock(entry.session);
    if (entry.ofAgent) this.#agents.locks.lock(entry.agent);
    if (entry.ofSidecar) this.#sidecar.locks.lock(0);
  }

  #unlock(entry: Entry): void {
    if (entry.ofSidecar) this.#sidecar.locks.unlock(0);
    if (entry.ofAgent) this.#agents.locks.unlock(entry.agent);
    this.#sessions.locks.unlock(entry.session);
  }
}
