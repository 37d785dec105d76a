import { AGENT, CELL, SESSION } from './account-layout.ts';
import { MAX_SLOTS } from './accounts.ts';
import type { BudgetLimit, Charge, Exceeded, Reservation } from './budget.ts';
import { Calls } from './calls.ts';
import { Home } from './home.ts';
import { LockStuck } from './locks.ts';
import { HOME, MAX_THREADS } from './memory.ts';
import { Openings } from './openings.ts';
import { stale } from './refusals.ts';
import { Remote } from './remote.ts';
import { planBudgets } from './rule-plan.ts';
import type { SessionIdentity } from './session-key.ts';
import type { SessionAnswer, SessionRequest, SharedSessions } from './shared.ts';
import { Snapshots } from './snapshot.ts';
import type { SessionDetail, SessionSnapshot, SessionSummary } from './snapshot.ts';
import { State } from './state.ts';
import type { AttachOptions, SessionHandle, SessionTableOptions } from './table-options.ts';

export type { Reservation } from './budget.ts';
export type { AttachOptions, SessionHandle, SessionTableOptions } from './table-options.ts';
export type { SessionIdentity } from './session-key.ts';
export type { StateStore } from './saves.ts';
export type { BudgetUse, SessionDetail, SessionSnapshot, SessionSummary } from './snapshot.ts';

interface Limits {
  readonly sha256Hex: (text: string) => string;
  readonly maxReservations?: number | undefined;
  readonly maxPerSession: number;
}

/**
 * The sessions of one sidecar, by key (`iss`, `sub`, `sid`), and what their calls have reserved.
 *
 * A call: `open` → `reserve` → decided: `countAllow`, or `rollBack` and `countDeny` → `durable` before anything leaves →
 * `commit` once its first byte left → `takeBytes` as bytes pass → `release` once it is over.
 *
 * Everything stands in one shared buffer, under locks: several threads have a table each over the home's (`share`, `attach`).
 * The home alone opens and drops sessions and talks to the store; the others ask it. A decision is one turn (`enter`, `leave`),
 * so that what it looked at is so when it is counted; every method is a turn by itself where none was begun.
 */
export class SessionTable {
  readonly #state: State;
  readonly #calls: Calls;
  readonly #snapshots: Snapshots;
  readonly #home: Home | undefined;
  readonly #openings: Openings;

  /** The home's table, with the sidecar's own account loaded. Rejects where the store or that account cannot be read. */
  static async open(options: SessionTableOptions): Promise<SessionTable> {
    const state = new State({
      plans: planBudgets(options.budgets, options.store !== undefined),
      maxSessions: Math.min(MAX_SLOTS, options.maxSessions ?? 65_536),
      maxAgents: Math.min(MAX_SLOTS, options.maxAgents ?? 16_384),
      steadyMs: options.steadyMs,
      sha256Hex: options.sha256Hex,
      isDurable: options.store !== undefined,
    });
    const maxPerSession = options.maxReservationsPerSession ?? 512;
    const home = new Home(state, { ...options, maxReservationsPerSession: maxPerSession });
    await home.openSidecar();
    return new SessionTable(state, { ...options, maxPerSession }, home);
  }

  /**
   * A table of another thread over the home's sessions. What its reservations hold is given back once the home hears
   * `threadEnded`, however the thread ends.
   */
  static attach(options: AttachOptions): SessionTable {
    const { ask, shared, thread } = options;
    if (!(Number.isInteger(thread) && thread > HOME && thread < MAX_THREADS)) {
      throw new RangeError(`a thread is a number from 1 to ${MAX_THREADS - 1}`);
    }
    const { budgets, isDurable, maxAgents, maxReservationsPerSession, maxSessions } = shared;
    const { sha256Hex, steadyMs } = options;
    const plans = planBudgets(budgets, isDurable);
    const sizes = { maxAgents, maxSessions };
    const state = new State({
      plans,
      ...sizes,
      sha256Hex,
      steadyMs,
      isDurable,
      shared: { of: shared, thread },
    });
    const limits = { ...options, maxPerSession: maxReservationsPerSession };
    return new SessionTable(state, limits, new Remote(state, ask));
  }

  private constructor(state: State, limits: Limits, opener: Home | Remote) {
    const { maxPerSession, maxReservations = 65_536, sha256Hex } = limits;
    this.#state = state;
    this.#home = opener instanceof Home ? opener : undefined;
    const keeper = opener instanceof Home ? opener.residence : opener;
    this.#calls = new Calls(state, {
      keeper: state.isDurable ? keeper : undefined,
      maxPerSession,
      maxReservations,
      sha256Hex,
    });
    this.#snapshots = new Snapshots(state);
    this.#openings = new Openings(state, opener, sha256Hex);
  }

  /**
   * The session of that key, made at its first authenticated call. A later token of it tightens `token/<name>` to the
   * smaller limit.
   *
   * @param identity give the same object for the same token: what is known of it is found by it
   * @param startMs Unix milliseconds; counts only where the session is new
   * @param tokenBudgets of a verified token; give the same array for the same token, it is compiled once
   * @returns at once where it is in memory and, in another thread than the home's, known there; undefined where there is no
   *   room, or the session has more token budgets than are counted: the caller denies. Rejects where the store or what it
   *   holds cannot be read
   */
  open(
    identity: SessionIdentity,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): SessionHandle | undefined | Promise<SessionHandle | undefined> {
    return this.#openings.open(identity, startMs, tokenBudgets);
  }

  /**
   * Begins one synchronous decision about a session: until `leave`, no other thread decides about it or changes it. Turns of
   * one session nest; none begins within another session's.
   *
   * @returns false where the handle, or what this thread knows of the session, is stale: open again
   */
  enter(handle: SessionHandle): boolean {
    const { pools, turns } = this.#state;
    const slot = pools[SESSION].slotOf(handle);
    if (slot === -1) return false;
    try {
      turns.begin(slot);
    } catch (error) {
      if (error instanceof LockStuck) return false;
      throw error;
    }
    if (this.#openings.isCurrent(handle)) return true;
    turns.end();
    return false;
  }

  /** Ends what `enter` began. */
  leave(_handle: SessionHandle): void {
    this.#state.turns.end();
  }

  /** Changes whenever anything that policies see of the session changed, by this thread or another. */
  revision(handle: SessionHandle): number {
    const { memory, pools } = this.#state;
    return memory.cells[pools[SESSION].word(this.#slot(handle)) * 2 + CELL.revision] ?? 0;
  }

  /** Home only: what another thread's table is made from. Postable. @throws RangeError where no memory can be shared */
  share(): SharedSessions {
    return this.#atHome().share();
  }

  /** Home only: answers one request of another thread. Never rejects. */
  serve(request: SessionRequest): Promise<SessionAnswer> {
    return this.#atHome().serve(request);
  }

  /**
   * Home only: a thread is gone. Locks it held are free, what it had reserved and not committed is given back; what it had
   * committed stays charged. Its number is free for another thread.
   */
  threadEnded(thread: number): void {
    this.#atHome().threadEnded(thread, this.#calls.entries());
  }

  /** The session of that key where it is in memory, for commands that must not make one. */
  find(key: string): SessionHandle | undefined {
    return this.#openings.find(key);
  }

  /** Whether a handle still names a session in memory. One with a reservation does not leave it. */
  isOpen(handle: SessionHandle): boolean {
    return this.#state.pools[SESSION].slotOf(handle) !== -1;
  }

  snapshot(handle: SessionHandle, nowMs: number): SessionSnapshot {
    const slot = this.#begin(handle);
    try {
      return this.#snapshots.snapshot(slot, nowMs);
    } finally {
      this.#state.turns.end();
    }
  }

  /**
   * Holds what a call will use, of every budget that counts it or of none.
   *
   * @throws RangeError where the handle is stale: the caller denies
   */
  reserve(handle: SessionHandle, charge: Charge): Reservation | Exceeded {
    const slot = this.#begin(handle);
    try {
      return this.#calls.reserve(slot, charge);
    } finally {
      this.#state.turns.end();
    }
  }

  /**
   * Waits until a crash no longer loses what a call reserved, and what policies are to know of it. Before the call leaves.
   *
   * @returns undefined: it is so. Rejects where the store cannot be written, or the reservation is over: it must not leave
   */
  durable(id: number): Promise<void> | undefined {
    return this.#calls.durable(id);
  }

  /** Charges a reservation for good. @returns false where it was settled before */
  commit(id: number): boolean {
    return this.#calls.commit(id);
  }

  /** Nobody here will see whether the call leaves: until it is settled, the end of this thread charges it. */
  leaving(id: number): void {
    this.#calls.leaving(id);
  }

  /** Gives a reservation back. @returns false where it was settled before */
  rollBack(id: number): boolean {
    return this.#calls.rollBack(id);
  }

  /**
   * Charges body bytes as they pass, sent or received.
   *
   * @returns false where a budget has no room, the store cannot be written or the call is over: the caller cuts it, and
   *   nothing of these bytes is charged. A promise where the store has to be told first
   */
  takeBytes(id: number, bytes: number): boolean | Promise<boolean> {
    return this.#calls.takeBytes(id, bytes);
  }

  /** The call is over; what it reserved and did not commit is given back. @returns false where it was over before */
  release(id: number): boolean {
    return this.#calls.release(id);
  }

  /**
   * Counts a call that was allowed.
   *
   * @param reservation the call's; it stays counted once, whether it is committed or rolled back later
   */
  countAllow(handle: SessionHandle, classIndex: number, host: string, reservation: number | undefined): void {
    const slot = this.#begin(handle);
    try {
      this.#calls.allowed(slot, classIndex, host, reservation);
    } finally {
      this.#state.turns.end();
    }
  }

  /** An allowed call may also be read as one of that class: policies see that the session did it. */
  noteClass(handle: SessionHandle, classIndex: number): void {
    this.#note(handle, (slot) => this.#calls.facts.did(slot, classIndex));
  }

  /** Counts a denied call. Of a session that is no longer in memory it is not counted. */
  countDeny(handle: SessionHandle): void {
    this.#note(handle, this.#calls.denied);
  }

  /** A credential was injected into a call of that session. `durable` of that call waits for it. */
  noteInjected(handle: SessionHandle, label: string): void {
    this.#note(handle, (slot) => this.#calls.facts.injected(slot, label));
  }

  /** Adds to the bytes that calls of a session moved. */
  noteBytes(handle: SessionHandle, sent: number, received: number): void {
    this.#note(handle, (slot) => this.#calls.facts.moved(slot, sent, received));
  }

  /**
   * Ends a session: its later calls are denied. The first reason stays; what is reserved is settled as ever.
   *
   * @returns a promise that resolves once a crash no longer undoes it; undefined where nothing has to be waited for
   */
  abort(handle: SessionHandle, reason: string): Promise<void> | undefined {
    try {
      return this.#abort(handle, reason);
    } catch (error) {
      if (!(error instanceof LockStuck)) throw error;
    }
    return new Promise((resolve, reject) => {
      this.#state.later.add(
        () => void (this.#abort(handle, reason) ?? Promise.resolve()).then(resolve, reject),
      );
    });
  }

  /** Why the session was ended, or undefined while it goes on. */
  abortReason(handle: SessionHandle): string | undefined {
    return this.#calls.facts.abortReason(this.#slot(handle));
  }

  /**
   * Home only: sessions in memory, in no meaningful order.
   *
   * @param after the handle of the last one of the page before
   */
  list(limit: number, after?: number): readonly SessionSummary[] {
    this.#atHome();
    const pool = this.#state.pools[SESSION];
    const found: SessionSummary[] = [];
    for (let slot = after === undefined ? 0 : (after % MAX_SLOTS) + 1; slot < pool.reached; slot++) {
      if (found.length >= limit) break;
      if (pool.isInUse(slot)) found.push(this.#snapshots.summary(slot));
    }
    return found;
  }

  /** Home only: everything known of a session. */
  show(handle: SessionHandle): SessionDetail {
    this.#atHome();
    const slot = this.#begin(handle);
    try {
      return this.#snapshots.detail(slot, this.#state.agentOf(slot));
    } finally {
      this.#state.turns.end();
    }
  }

  /** Home only: saves everything as it is: at a clean stop, and now and then. Rejects where something could not be saved. */
  flush(): Promise<void> {
    return this.#atHome().residence?.flush() ?? Promise.resolve();
  }

  get sessionCount(): number {
    return this.#state.pools[SESSION].count;
  }

  get agentCount(): number {
    return this.#state.pools[AGENT].count;
  }

  /** Of this thread. */
  get reservationCount(): number {
    return this.#calls.outstanding;
  }

  #abort(handle: SessionHandle, reason: string): Promise<void> | undefined {
    const slot = this.#begin(handle);
    try {
      return this.#calls.abort(slot, reason);
    } finally {
      this.#state.turns.end();
    }
  }

  /** Where another thread does not let go of the session, the home notes it later. */
  #note(handle: SessionHandle, note: (slot: number) => void): void {
    const operation = (): void => {
      const { pools, turns } = this.#state;
      const slot = pools[SESSION].slotOf(handle);
      if (slot === -1) return;
      turns.begin(slot);
      try {
        if (pools[SESSION].slotOf(handle) !== -1) note(slot);
      } finally {
        turns.end();
      }
    };
    try {
      operation();
    } catch (error) {
      if (!(error instanceof LockStuck)) throw error;
      this.#state.later.add(operation);
    }
  }

  #atHome(): Home {
    if (this.#home === undefined)
      throw new RangeError('only the thread that made the session table does that');
    return this.#home;
  }

  #slot(handle: SessionHandle): number {
    const slot = this.#state.pools[SESSION].slotOf(handle);
    if (slot === -1) throw stale();
    return slot;
  }

  /** Begins a turn of a session. @throws RangeError where the handle is stale */
  #begin(handle: SessionHandle): number {
    const { pools, turns } = this.#state;
    const slot = pools[SESSION].slotIn(handle);
    if (slot === -1) throw stale();
    turns.begin(slot);
    // Until then it may leave memory.
    if (pools[SESSION].slotOf(handle) === slot) return slot;
    turns.end();
    throw stale();
  }
}
