import { StateUnusable } from '../errors.ts';
import { readKey } from './account-key.ts';
import { AGENT, AGENT_NUMBER, CELL, SESSION, SIDECAR, smallIn } from './account-layout.ts';
import type { Charge, Exceeded, Reservation } from './budget.ts';
import { Charging } from './charging.ts';
import { Counters } from './counters.ts';
import type { Keeper } from './coverage.ts';
import { Coverage, ended } from './coverage.ts';
import { Ledger } from './ledger.ts';
import { LockStuck } from './locks.ts';
import { sessionLimit, stale } from './refusals.ts';
import { Entry, Reservations } from './reservations.ts';
import { SessionFacts } from './session-facts.ts';
import type { State } from './state.ts';
import { MAX_HOSTS } from './state.ts';

const COUNTED_UNSAVED = 32;

const HOSTS_FULL = sessionLimit('hosts');

export interface CallsOptions {
  readonly keeper: Keeper | undefined;
  readonly sha256Hex: (text: string) => string;
  readonly maxReservations: number;
  readonly maxPerSession: number;
}

/** What calls of this thread reserve, and what becomes of it: each operation is a turn of the call's session. */
export class Calls {
  readonly #state: State;
  readonly #keeper: Keeper | undefined;
  readonly #sha256Hex: (text: string) => string;
  readonly #counters: Counters;
  readonly #ledger: Ledger;
  readonly #charging: Charging;
  /** Absent without a store: nothing has to be waited for. */
  readonly #coverage: Coverage | undefined;
  readonly #reservations: Reservations;
  readonly #maxPerSession: number;
  readonly #spare = new Entry(-1);
  readonly facts: SessionFacts;

  constructor(state: State, { keeper, maxPerSession, maxReservations, sha256Hex }: CallsOptions) {
    this.#state = state;
    this.#keeper = keeper;
    this.#sha256Hex = sha256Hex;
    const counters = new Counters(state);
    this.#counters = counters;
    this.#ledger = new Ledger(state, counters);
    this.#charging = new Charging(state, counters);
    if (keeper !== undefined) this.#coverage = new Coverage(state, keeper, counters, this.#charging);
    this.#reservations = new Reservations(maxReservations);
    this.#maxPerSession = maxPerSession;
    this.facts = new SessionFacts(state);
  }

  get outstanding(): number {
    return this.#reservations.outstanding;
  }

  /** Everything that accounts hold for this thread. */
  *entries(): Generator<Entry> {
    yield* this.#reservations.outstandingEntries();
    if (this.#coverage !== undefined) yield* this.#coverage.loans;
  }

  /** See `SessionTable.reserve`; in a turn of the session. */
  reserve(slot: number, charge: Charge): Reservation | Exceeded {
    const { digests, hosts, journal, memory, names, pools } = this.#state;
    const { cells } = memory;
    const word = pools[SESSION].word(slot);
    const cell = word * 2;
    const undecided = cells[cell + CELL.undecided] ?? 0;
    // Calls still undecided may each bring a new host, so they count.
    const isFull = (cells[cell + CELL.hostCount] ?? 0) + undecided >= MAX_HOSTS || names.isScarce;
    if (isFull && !hosts.has(cell, charge.host)) return HOSTS_FULL;
    const agent = this.#state.agentOf(slot);
    if (agent === -1 && this.#state.withAgents) throw stale();
    const entry = this.#reservations.peek() ?? this.#spare;
    entry.session = slot;
    entry.agent = agent;
    entry.agentNumber = smallIn(cells[cell + CELL.flags] ?? 0, AGENT_NUMBER);
    entry.agentGeneration = cells[cell + CELL.agentGeneration] ?? 0;
    entry.byScope[SESSION] = word;
    entry.byScope[AGENT] = agent === -1 ? 0 : pools[AGENT].word(agent);
    entry.byScope[SIDECAR] = pools[SIDECAR].word(0);
    entry.begin(charge);
    if (entry.idempotencyHeader !== undefined) {
      entry.digest = new Uint32Array(4);
      // The same key in another header is another key.
      readKey(this.#sha256Hex(`${entry.idempotencyHeader}\n${charge.idempotency ?? ''}`), entry.digest);
      entry.repeatAgeMs = digests.age(cell, entry.digest, this.#state.nowMs());
    }
    entry.block = journal === undefined ? -1 : journal.block();
    const outstanding = cells[cell + CELL.outstanding] ?? 0;
    const hasPlace = entry !== this.#spare && entry.block !== 0 && outstanding < this.#maxPerSession;
    const answer = this.#ledger.reserve(entry, charge, hasPlace);
    if ('reason' in answer) {
      if (entry.block > 0) journal?.giveBack(entry.block);
      return answer;
    }
    this.#reservations.occupy();
    this.#coverage?.prefetch(entry);
    return { id: entry.id, lines: answer };
  }

  durable(id: number): Promise<void> | undefined {
    if (this.#coverage === undefined) return undefined;
    const entry = this.#reservations.find(id);
    if (entry === undefined) return Promise.reject(ended());
    try {
      return this.#coverage.durable(entry);
    } catch (error) {
      if (!(error instanceof LockStuck)) throw error;
      return Promise.reject(new StateUnusable(error.message));
    }
  }

  leaving(id: number): void {
    const entry = this.#reservations.find(id);
    if (entry !== undefined && !entry.committed) this.#state.journal?.leaves(entry);
  }

  commit(id: number): boolean {
    const entry = this.#reservations.find(id);
    if (entry === undefined || entry.committed) return false;
    try {
      // After what is due.
      if (!this.#state.later.isDue) {
        this.#commit(entry);
        return true;
      }
    } catch (error) {
      rethrowUnlessStuck(error);
    }
    this.#state.later.add(() => {
      if (this.#reservations.find(id) === entry && !entry.committed) this.#commit(entry);
    });
    return true;
  }

  rollBack(id: number): boolean {
    const entry = this.#reservations.find(id);
    return entry !== undefined && !entry.committed && this.release(id);
  }

  takeBytes(id: number, bytes: number): boolean | Promise<boolean> {
    const entry = this.#reservations.find(id);
    if (entry === undefined || !Number.isSafeInteger(bytes) || bytes < 0) return false;
    if (!entry.countsBytes) return true;
    try {
      this.#state.turns.begin(entry.session);
    } catch (error) {
      if (error instanceof LockStuck) return false;
      throw error;
    }
    try {
      const taken = this.#charging.takeBytes(entry, bytes);
      const { loan } = this.#charging;
      if (taken === 'held' && loan !== undefined) return this.#coverage?.takeHeld(loan) ?? false;
      this.#coverage?.prefetch(entry);
      if (taken === 'ends') {
        this.abort(entry.session, 'BUDGET_EXCEEDED')?.catch(() => {});
      }
      return taken === 'taken';
    } catch (error) {
      if (error instanceof LockStuck) return false;
      throw error;
    } finally {
      this.#state.turns.end();
    }
  }

  release(id: number): boolean {
    const entry = this.#reservations.find(id);
    if (entry === undefined) return false;
    try {
      // After what is due, which may be to commit this one.
      if (!this.#state.later.isDue) {
        this.#release(entry);
        return true;
      }
    } catch (error) {
      rethrowUnlessStuck(error);
    }
    this.#state.later.add(() => {
      if (this.#reservations.find(id) === entry) this.#release(entry);
    });
    return true;
  }

  #commit(entry: Entry): void {
    const { turns } = this.#state;
    turns.begin(entry.session);
    try {
      this.#charging.commit(entry);
      entry.committed = true;
    } finally {
      turns.end();
    }
  }

  #release(entry: Entry): void {
    const { turns } = this.#state;
    turns.begin(entry.session);
    try {
      this.#charging.end(entry);
      this.#coverage?.prefetch(entry);
      this.#reservations.giveBack(entry);
    } finally {
      turns.end();
    }
  }

  /** See `SessionTable.abort`. */
  abort(slot: number, reason: string): Promise<void> | undefined {
    const { turns } = this.#state;
    turns.begin(slot);
    try {
      this.facts.abort(slot, reason);
    } finally {
      turns.end();
    }
    if (this.#keeper === undefined || this.#state.isSettled(SESSION, slot)) return undefined;
    return this.#keeper.save(SESSION, slot);
  }

  /** A call was allowed, that of the reservation where there is one; in a turn of its session. */
  allowed(slot: number, classIndex: number, host: string, reservation: number | undefined): void {
    const entry = reservation === undefined ? undefined : this.#reservations.find(reservation);
    if (entry?.session === slot) this.#counters.decided(entry);
    this.facts.allowed(slot, classIndex, host);
    this.#saveNowAndThen(slot);
  }

  /** A call was denied; in a turn of its session. */
  readonly denied = (slot: number): void => {
    this.facts.denied(slot);
    this.#saveNowAndThen(slot);
  };

  /** What a crash takes of the counts of calls and denials: one less than so many. */
  #saveNowAndThen(slot: number): void {
    if (this.#keeper === undefined || this.facts.count(slot) % COUNTED_UNSAVED !== 0) return;
    this.#keeper.save(SESSION, slot).catch(() => {});
  }
}

function rethrowUnlessStuck(error: unknown): void {
  if (!(error instanceof LockStuck)) throw error;
}
