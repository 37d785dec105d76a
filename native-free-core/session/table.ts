import { AGENT, CELL, SESSION, SIDECAR } from './account-layout.ts';
import { MAX_SLOTS } from './accounts.ts';
import type { BudgetLimit, BudgetRule, Charge, Exceeded, Reservation } from './budget.ts';
import { Coverage, ended } from './coverage.ts';
import { Directory } from './directory.ts';
import type { SessionIdentity } from './directory.ts';
import { Ledger, sessionLimit } from './ledger.ts';
import { Entry, Reservations } from './reservations.ts';
import { Residence } from './residence.ts';
import { planBudgets } from './rule-plan.ts';
import type { StateStore } from './saves.ts';
import { SessionFacts } from './session-facts.ts';
import { Snapshots } from './snapshot.ts';
import type { SessionDetail, SessionSnapshot, SessionSummary } from './snapshot.ts';
import { MAX_HOSTS, State } from './state.ts';

export type { Reservation } from './budget.ts';
export type { SessionIdentity } from './directory.ts';
export type { StateStore } from './saves.ts';
export type { BudgetUse, SessionDetail, SessionSnapshot, SessionSummary } from './snapshot.ts';

declare const handleBrand: unique symbol;

/** Names a session of one table while it is in memory. Opaque: what the number says is the table's business. */
export type SessionHandle = number & { readonly [handleBrand]: true };

export interface SessionTableOptions {
  readonly budgets: readonly BudgetRule[];
  /** Keys of accounts are its first 16 bytes. */
  readonly sha256Hex: (text: string) => string;
  /** Milliseconds of a clock that only time moves: windows hang on it, whatever the wall clock does. */
  readonly steadyMs: () => number;
  /** Absent: nothing outlives the process, and nothing leaves memory before. */
  readonly store?: StateStore | undefined;
  /** Sessions in memory; 65,536 by default. Without a store more are refused: totals would start again. */
  readonly maxSessions?: number | undefined;
  /** Agents in memory, where a rule is per agent; 16,384 by default. */
  readonly maxAgents?: number | undefined;
  /** Reservations outstanding in all; 65,536 by default and at most. */
  readonly maxReservations?: number | undefined;
  /** Of those, for one session; 512 by default. */
  readonly maxReservationsPerSession?: number | undefined;
  /** Told of every save that failed. */
  readonly onStoreFailed?: ((detail: string) => void) | undefined;
}

const COUNTED_UNSAVED = 32;

const HOSTS_FULL = sessionLimit('hosts');
const IN_FLIGHT_FULL = sessionLimit('calls_in_flight');

/**
 * The sessions of one sidecar, by key (`iss`, `sub`, `sid`), and what their calls have reserved.
 *
 * A call: `open` → `reserve` → decided: `countAllow`, or `rollBack` and `countDeny` → `durable` before anything leaves →
 * `commit` once its first byte left → `takeBytes` as bytes pass → `release` once it is over.
 *
 * Everything that is counted stands in one shared buffer. What budgets hold and charge changes under locks; calls, denials and
 * bytes of a session, opening and dropping, names and reservations belong to the thread that made the table.
 */
export class SessionTable {
  readonly #state: State;
  readonly #residence: Residence | undefined;
  readonly #directory: Directory;
  readonly #ledger: Ledger;
  /** Absent without a store: nothing has to be waited for. */
  readonly #coverage: Coverage | undefined;
  readonly #facts: SessionFacts;
  readonly #snapshots: Snapshots;
  readonly #reservations: Reservations;
  readonly #maxPerSession: number;
  readonly #spare = new Entry(-1);

  /** A table with the sidecar's own account loaded. Rejects where the store or that account cannot be read. */
  static async open(options: SessionTableOptions): Promise<SessionTable> {
    const table = new SessionTable(options);
    await table.#directory.openSidecar();
    return table;
  }

  private constructor(options: SessionTableOptions) {
    this.#state = new State({
      plans: planBudgets(options.budgets, options.store !== undefined),
      maxSessions: Math.min(MAX_SLOTS, options.maxSessions ?? 65_536),
      maxAgents: Math.min(MAX_SLOTS, options.maxAgents ?? 16_384),
      steadyMs: options.steadyMs,
      isDurable: options.store !== undefined,
    });
    if (options.store !== undefined) {
      this.#residence = new Residence(this.#state, options.store, options.onStoreFailed);
    }
    this.#directory = new Directory(this.#state, this.#residence, options.sha256Hex);
    this.#ledger = new Ledger(this.#state);
    if (this.#residence !== undefined) {
      this.#coverage = new Coverage(this.#state, this.#residence, this.#ledger);
    }
    this.#facts = new SessionFacts(this.#state);
    this.#snapshots = new Snapshots(this.#state);
    this.#reservations = new Reservations(options.maxReservations ?? 65_536);
    this.#maxPerSession = options.maxReservationsPerSession ?? 512;
  }

  /**
   * The session of that key, made at its first authenticated call. A later token of it tightens `token/<name>` to the
   * smaller limit.
   *
   * @param startMs Unix milliseconds; counts only where the session is new
   * @param tokenBudgets of a verified token; give the same array for the same token, it is compiled once
   * @returns at once where it is in memory; undefined where there is no room, or the session has more token budgets than
   *   are counted: the caller denies. Rejects where the store or what it holds cannot be read
   */
  open(
    identity: SessionIdentity,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): SessionHandle | undefined | Promise<SessionHandle | undefined> {
    const slot = this.#directory.open(identity, startMs, tokenBudgets);
    return typeof slot === 'number' ? this.#handle(slot) : slot.then((found) => this.#handle(found));
  }

  /** The session of that key where it is in memory, for commands that must not make one. */
  find(key: string): SessionHandle | undefined {
    return this.#handle(this.#directory.find(key));
  }

  /** Whether a handle still names a session in memory. One with a reservation does not leave it. */
  isOpen(handle: SessionHandle): boolean {
    return this.#state.pools[SESSION].slotOf(handle) !== -1;
  }

  snapshot(handle: SessionHandle, nowMs: number): SessionSnapshot {
    return this.#snapshots.snapshot(this.#slot(handle), nowMs);
  }

  /**
   * Holds what a call will use, of every budget that counts it or of none.
   *
   * @throws RangeError where the handle is stale: the caller denies
   */
  reserve(handle: SessionHandle, charge: Charge): Reservation | Exceeded {
    const slot = this.#slot(handle);
    const { digests, hosts, memory, pools } = this.#state;
    const { cells } = memory;
    const word = pools[SESSION].word(slot);
    const cell = word * 2;
    const undecided = cells[cell + CELL.undecided] ?? 0;
    // Calls still undecided may each bring a new host, so they count.
    if ((cells[cell + CELL.hostCount] ?? 0) + undecided >= MAX_HOSTS && !hosts.has(cell, charge.host)) {
      return HOSTS_FULL;
    }
    const agent = this.#directory.agentOf(slot);
    if (agent === -1 && this.#directory.withAgents) throw stale();
    const entry = this.#reservations.peek() ?? this.#spare;
    entry.session = slot;
    entry.agent = agent;
    entry.agentNumber = cells[cell + CELL.agentNumber] ?? 0;
    entry.byScope[SESSION] = word;
    entry.byScope[AGENT] = agent === -1 ? 0 : pools[AGENT].word(agent);
    entry.byScope[SIDECAR] = pools[SIDECAR].word(0);
    entry.begin(charge);
    if (entry.idempotency !== undefined && entry.idempotencyHeader !== undefined) {
      const { idempotency, idempotencyHeader } = entry;
      entry.repeatAgeMs = digests.get(slot)?.age(idempotencyHeader, idempotency, this.#state.nowMs()) ?? -1;
    }
    const answer = this.#ledger.reserve(entry, charge);
    if ('reason' in answer) return answer;
    const outstanding = cells[cell + CELL.outstanding] ?? 0;
    if (entry === this.#spare || outstanding >= this.#maxPerSession) {
      this.#ledger.end(entry);
      return IN_FLIGHT_FULL;
    }
    this.#reservations.occupy();
    cells[cell + CELL.outstanding] = outstanding + 1;
    cells[cell + CELL.undecided] = undecided + 1;
    if (entry.ofAgent) this.#state.addOutstanding(AGENT, agent, 1);
    this.#coverage?.prefetch(entry);
    return { id: entry.id, lines: answer };
  }

  /**
   * Waits until a crash no longer loses what a call reserved, and what policies are to know of it. Before the call leaves.
   *
   * @returns undefined where nothing has to be waited for; rejects where the store cannot be written, or the reservation
   *   is over: the call must not leave
   */
  durable(id: number): Promise<void> | undefined {
    if (this.#coverage === undefined) return undefined;
    const entry = this.#reservations.find(id);
    return entry === undefined ? Promise.reject(ended()) : this.#coverage.durable(entry);
  }

  /** Charges a reservation for good. @returns false where it was settled before: nothing happens then */
  commit(id: number): boolean {
    const entry = this.#reservations.find(id);
    if (entry === undefined || entry.committed) return false;
    this.#ledger.commit(entry);
    entry.committed = true;
    this.#decided(entry);
    return true;
  }

  /** Gives a reservation back. @returns false where it was settled before: nothing happens then */
  rollBack(id: number): boolean {
    const entry = this.#reservations.find(id);
    if (entry === undefined || entry.committed) return false;
    this.#release(entry);
    return true;
  }

  /**
   * Charges body bytes as they pass, sent or received.
   *
   * @returns false where a budget has no room, the store cannot be written or the call is over: the caller cuts it, and
   *   nothing of these bytes is charged. A promise where the store has to be told first
   */
  takeBytes(id: number, bytes: number): boolean | Promise<boolean> {
    const entry = this.#reservations.find(id);
    if (entry === undefined || !Number.isSafeInteger(bytes) || bytes < 0) return false;
    if (!entry.countsBytes) return true;
    const taken = this.#ledger.takeBytes(entry, bytes);
    if (taken === 'held' && this.#coverage !== undefined) return this.#coverage.takeHeld(entry, bytes);
    this.#coverage?.prefetch(entry);
    if (taken === 'ends') {
      this.#facts.abort(entry.session, 'BUDGET_EXCEEDED');
      void this.#residence?.save(SESSION, entry.session);
    }
    return taken === 'taken';
  }

  /** The call is over; what it reserved and did not commit is given back. @returns false where it was over before */
  release(id: number): boolean {
    const entry = this.#reservations.find(id);
    if (entry === undefined) return false;
    this.#release(entry);
    return true;
  }

  /**
   * Counts a call that was allowed.
   *
   * @param reservation the call's; it stays counted once, whether it is committed or rolled back later
   */
  countAllow(handle: SessionHandle, classIndex: number, host: string, reservation: number | undefined): void {
    const slot = this.#slot(handle);
    const entry = reservation === undefined ? undefined : this.#reservations.find(reservation);
    if (entry?.session === slot) this.#decided(entry);
    this.#facts.allowed(slot, classIndex, host);
    this.#saveNowAndThen(slot);
  }

  /** An allowed call may also be read as one of that class: policies see that the session did it. */
  noteClass(handle: SessionHandle, classIndex: number): void {
    const slot = this.#state.pools[SESSION].slotOf(handle);
    if (slot !== -1) this.#facts.did(slot, classIndex);
  }

  /** Counts a denied call. Of a session that is no longer in memory it is not counted. */
  countDeny(handle: SessionHandle): void {
    const slot = this.#state.pools[SESSION].slotOf(handle);
    if (slot === -1) return;
    this.#facts.denied(slot);
    this.#saveNowAndThen(slot);
  }

  /** A credential was injected into a call of that session. `durable` of that call waits for it. */
  noteInjected(handle: SessionHandle, label: string): void {
    const slot = this.#state.pools[SESSION].slotOf(handle);
    if (slot !== -1) this.#facts.injected(slot, label);
  }

  /** Adds to the bytes that calls of a session moved. */
  noteBytes(handle: SessionHandle, sent: number, received: number): void {
    const slot = this.#state.pools[SESSION].slotOf(handle);
    if (slot !== -1) this.#facts.moved(slot, sent, received);
  }

  /**
   * Ends a session: its later calls are denied. The first reason stays; what is reserved is settled as ever.
   *
   * @returns a promise that resolves once a crash no longer undoes it; undefined where nothing has to be waited for
   */
  abort(handle: SessionHandle, reason: string): Promise<void> | undefined {
    const slot = this.#slot(handle);
    this.#facts.abort(slot, reason);
    const residence = this.#residence;
    return residence === undefined || residence.isSettled(SESSION, slot)
      ? undefined
      : residence.save(SESSION, slot);
  }

  /** Why the session was ended, or undefined while it goes on. */
  abortReason(handle: SessionHandle): string | undefined {
    return this.#facts.abortReason(this.#slot(handle));
  }

  /**
   * Sessions in memory, in no meaningful order.
   *
   * @param after the handle of the last one of the page before
   */
  list(limit: number, after?: number): readonly SessionSummary[] {
    const pool = this.#state.pools[SESSION];
    const found: SessionSummary[] = [];
    for (let slot = after === undefined ? 0 : (after % MAX_SLOTS) + 1; slot < pool.reached; slot++) {
      if (found.length >= limit) break;
      if (pool.isInUse(slot)) found.push(this.#snapshots.summary(slot));
    }
    return found;
  }

  /** Everything known of a session. */
  show(handle: SessionHandle): SessionDetail {
    const slot = this.#slot(handle);
    return this.#snapshots.detail(slot, this.#directory.agentOf(slot));
  }

  /** Saves everything as it is: at a clean stop, and now and then. Rejects where something could not be saved. */
  flush(): Promise<void> {
    return this.#residence === undefined ? Promise.resolve() : this.#residence.flush();
  }

  get sessionCount(): number {
    return this.#state.pools[SESSION].count;
  }

  get agentCount(): number {
    return this.#state.pools[AGENT].count;
  }

  get reservationCount(): number {
    return this.#reservations.outstanding;
  }

  #release(entry: Entry): void {
    this.#ledger.end(entry);
    this.#decided(entry);
    this.#state.addOutstanding(SESSION, entry.session, -1);
    if (entry.ofAgent) this.#state.addOutstanding(AGENT, entry.agent, -1);
    this.#coverage?.prefetch(entry);
    this.#reservations.giveBack(entry);
  }

  #decided(entry: Entry): void {
    if (!entry.undecided) return;
    entry.undecided = false;
    const at = this.#state.pools[SESSION].word(entry.session) * 2 + CELL.undecided;
    this.#state.memory.cells[at] = (this.#state.memory.cells[at] ?? 0) - 1;
  }

  /** What a crash takes of the counts of calls and denials: one less than so many. */
  #saveNowAndThen(slot: number): void {
    if (this.#residence !== undefined && this.#facts.count(slot) % COUNTED_UNSAVED === 0) {
      void this.#residence.save(SESSION, slot);
    }
  }

  #handle(slot: number): SessionHandle | undefined {
    return slot === -1 ? undefined : (this.#state.pools[SESSION].handle(slot) as SessionHandle);
  }

  #slot(handle: SessionHandle): number {
    const slot = this.#state.pools[SESSION].slotOf(handle);
    if (slot === -1) throw stale();
    return slot;
  }
}

/** Only a handle of another table, or of a session that left memory, gets here; the decision's catch-all denies. */
function stale(): RangeError {
  return new RangeError('the handle is not of a session in this table');
}
