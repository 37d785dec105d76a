import { CELL, COMMITTED, HELD, SESSION } from './account-layout.ts';
import type { Counters } from './counters.ts';
import { safeRoom } from './grant.ts';
import type { Journal } from './journal.ts';
import { DIGESTS_WORDS } from './recent-digests.ts';
import { Entry } from './reservations.ts';
import type { State } from './state.ts';

/** What became of bytes that are about to pass. */
export type BytesTaken = 'taken' | 'held' | 'full' | 'ends';

/** Charges what a call reserved, or gives it back. In a turn of its session. */
export class Charging {
  readonly #state: State;
  readonly #counters: Counters;
  readonly #words: Float64Array;
  readonly #cells: Uint32Array;
  readonly #journal: Journal | undefined;
  /** What `takeBytes` held last. */
  loan: Entry | undefined = undefined;

  constructor(state: State, counters: Counters) {
    this.#state = state;
    this.#counters = counters;
    this.#words = state.memory.words;
    this.#cells = state.memory.cells;
    this.#journal = state.journal;
  }

  /** Charges for good what an entry holds; calls open at once stay held until `end`. */
  commit(entry: Entry): void {
    const words = this.#words;
    const counters = this.#counters;
    const journal = this.#journal;
    const { isDurable } = this.#state;
    counters.lock(entry);
    journal?.leaves(entry);
    if (entry.isIdempotent) entry.repeatAgeMs = this.#repeatAge(entry);
    let isNew = false;
    for (let index = 0; index < entry.count; index++) {
      const plan = entry.plans[index];
      if (plan === undefined || plan.isInFlight) continue;
      const at = entry.at[index] ?? 0;
      const amount = entry.amounts[index] ?? 0;
      if (plan.isPlain && !isDurable) words[at + COMMITTED] = (words[at + COMMITTED] ?? 0) + amount;
      // The other one of two equal calls under way may have been charged.
      else if (plan.isPlain || !entry.isRepeatFor(plan)) {
        counters.charge(plan, at, amount);
        if (!plan.isPlain && entry.isFreeAgain(plan)) isNew = true;
      }
      words[at + HELD] = (words[at + HELD] ?? 0) - amount;
      if (journal !== undefined) journal.charged(entry, index + 1);
    }
    if (isNew) this.#remember(entry);
    if (entry.currency !== 0 && entry.repeatAgeMs === -1) {
      this.#state.addAmount(entry.session, entry.currency, entry.amount);
    }
    counters.touch(entry);
    counters.decided(entry);
    journal?.committed(entry);
    counters.unlock(entry);
  }

  /** The call is over. Gives back what an entry holds: of one that was committed, its place among the calls open at once. */
  end(entry: Entry): void {
    this.#counters.lock(entry);
    const count = entry.committed && !entry.countsInFlight ? 0 : entry.count;
    for (let index = 0; index < count; index++) {
      const plan = entry.plans[index];
      if (plan === undefined || (entry.committed && !plan.isInFlight)) continue;
      const at = entry.at[index] ?? 0;
      this.#words[at + HELD] = (this.#words[at + HELD] ?? 0) - (entry.amounts[index] ?? 0);
      this.#counters.look(plan, at);
    }
    if (!entry.committed) this.#counters.touch(entry);
    this.#counters.decided(entry);
    this.#counters.keep(entry, -1);
    this.#journal?.freed(entry);
    this.#counters.unlock(entry);
  }

  /**
   * Charges bytes as they pass to every budget of bytes of a call, or to none.
   *
   * @returns `full` where one has no room, `ends` where that ends the session; `held` where the store has to hear first: then `loan` holds them,
   *   and `settle` ends that
   */
  takeBytes(entry: Entry, bytes: number): BytesTaken {
    this.#counters.lock(entry);
    let answer: BytesTaken = 'taken';
    for (let index = 0; index < entry.count && answer !== 'full' && answer !== 'ends'; index++) {
      const plan = entry.plans[index];
      if (plan === undefined || !plan.isBytes) continue;
      const at = entry.at[index] ?? 0;
      this.#counters.advance(plan, at);
      const held = this.#words[at + HELD] ?? 0;
      const room = this.#counters.limitOf(plan, at) - (this.#words[at + COMMITTED] ?? 0);
      if (bytes > room - held) answer = plan.aborts && bytes > room ? 'ends' : 'full';
      else if (this.#state.isDurable && bytes > safeRoom(this.#words, at) - held) answer = 'held';
    }
    const block = answer === 'held' ? (this.#journal?.block() ?? -1) : -1;
    if (block === 0) answer = 'full';
    if (answer === 'taken' || answer === 'held') this.#passBytes(entry, bytes, answer === 'taken');
    if (answer === 'taken') this.#counters.touch(entry);
    if (answer === 'held') {
      this.loan = this.#lent(entry, bytes, Math.max(0, block));
      this.#counters.keep(entry, 1);
    }
    this.#counters.unlock(entry);
    return answer;
  }

  /** Ends what `takeBytes` held. The reservation itself may be gone by then. */
  settle(loan: Entry, charged: boolean): void {
    this.#counters.lock(loan);
    for (let index = 0; index < loan.count; index++) {
      const plan = loan.plans[index];
      if (plan === undefined) continue;
      const at = loan.at[index] ?? 0;
      const bytes = loan.amounts[index] ?? 0;
      this.#words[at + HELD] = (this.#words[at + HELD] ?? 0) - bytes;
      if (charged) this.#counters.charge(plan, at, bytes);
    }
    this.#counters.touch(loan);
    this.#counters.keep(loan, -1);
    this.#journal?.freed(loan);
    this.#counters.unlock(loan);
  }

  #lent(
    { agent, at, count, ofAgent, ofSidecar, plans, session }: Entry,
    bytes: number,
    block: number,
  ): Entry {
    const loan = new Entry(-1);
    Object.assign(loan, { agent, block, ofAgent, ofSidecar, session });
    for (let index = 0; index < count; index++) {
      const plan = plans[index];
      if (plan?.isBytes === true) loan.add(plan, at[index] ?? 0, bytes);
    }
    this.#journal?.held(loan);
    return loan;
  }

  #passBytes(entry: Entry, bytes: number, charged: boolean): void {
    for (let index = 0; index < entry.count; index++) {
      const plan = entry.plans[index];
      if (plan === undefined || !plan.isBytes) continue;
      const at = entry.at[index] ?? 0;
      if (charged) this.#counters.charge(plan, at, bytes);
      else this.#words[at + HELD] = (this.#words[at + HELD] ?? 0) + bytes;
      this.#counters.look(plan, at);
    }
  }

  /** A call that is equal may have been charged since this one was reserved. */
  #repeatAge({ byScope, digest }: Entry): number {
    return digest === undefined
      ? -1
      : this.#state.digests.age(byScope[SESSION] * 2, digest, this.#counters.now());
  }

  #remember({ byScope, digest }: Entry): void {
    if (digest === undefined) return;
    const cell = byScope[SESSION] * 2;
    const block = this.#cells[cell + CELL.digests] ?? 0;
    if (block !== 0) this.#journal?.changes(block, DIGESTS_WORDS);
    this.#state.digests.charged(cell, digest, this.#counters.now());
  }
}
