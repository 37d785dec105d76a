import type { BudgetLimit, BudgetRule, Charge, Exceeded, Reservation } from './budget.ts';
import type { Entry } from './reservations.ts';
import { Reservations } from './reservations.ts';
import { Session } from './session.ts';
import type { SessionSnapshot } from './session.ts';

export type { Reservation } from './budget.ts';
export type { SessionSnapshot } from './session.ts';

declare const handleBrand: unique symbol;

/** Names a session of one table. Opaque: what the number says is the table's business. */
export type SessionHandle = number & { readonly [handleBrand]: true };

export interface SessionTableOptions {
  readonly budgets: readonly BudgetRule[];
  /** Sessions kept; 10,000 by default. A session is never forgotten: its totals would start again. */
  readonly maxSessions?: number;
  /** Reservations outstanding in all; 16,384 by default, 65,536 at most. */
  readonly maxReservations?: number;
  /** Of those, for one session; 1,024 by default. */
  readonly maxReservationsPerSession?: number;
}

const HOSTS_FULL: Exceeded = Object.freeze({ reason: 'SESSION_LIMIT', name: 'hosts', abort: false });
const IN_FLIGHT_FULL: Exceeded = Object.freeze({
  reason: 'SESSION_LIMIT',
  name: 'calls_in_flight',
  abort: false,
});

/**
 * The sessions of one sidecar, by key (`iss`, `sub`, `sid`), and what their calls have reserved.
 *
 * A call: `open` → `reserve` → (decided) `countAllow`, or `rollBack` and `countDeny` → `commit` once its first byte left,
 * or `rollBack` if none did.
 */
export class SessionTable {
  readonly #budgets: readonly BudgetRule[];
  readonly #maxSessions: number;
  readonly #maxPerSession: number;
  readonly #handles = new Map<string, SessionHandle>();
  readonly #sessions: Session[] = [];
  readonly #reservations: Reservations;

  constructor(options: SessionTableOptions) {
    this.#budgets = options.budgets;
    this.#maxSessions = options.maxSessions ?? 10_000;
    this.#maxPerSession = options.maxReservationsPerSession ?? 1024;
    this.#reservations = new Reservations(options.maxReservations ?? 16_384);
  }

  /**
   * The session of that key, made at its first authenticated call. A later token of it tightens `token/<name>`
   * to the smaller limit.
   *
   * @param startMs Unix milliseconds; counts only where the session is new
   * @param tokenBudgets of a verified token; give the same array for the same token, it is compiled once
   * @returns undefined where the table is full, or the session has more token budgets than are counted: the caller denies
   */
  open(key: string, startMs: number, tokenBudgets: readonly BudgetLimit[]): SessionHandle | undefined {
    const known = this.#handles.get(key);
    if (known !== undefined) return this.#at(known).addTokenBudgets(tokenBudgets) ? known : undefined;
    if (this.#sessions.length >= this.#maxSessions) return undefined;
    const session = new Session(startMs, this.#budgets);
    if (!session.addTokenBudgets(tokenBudgets)) return undefined;
    const handle = this.#sessions.length as SessionHandle;
    this.#sessions.push(session);
    this.#handles.set(key, handle);
    return handle;
  }

  /** The session of that key if it has made a call, for commands that must not make one. */
  find(key: string): SessionHandle | undefined {
    return this.#handles.get(key);
  }

  snapshot(handle: SessionHandle, nowMs: number): SessionSnapshot {
    return this.#at(handle).snapshot(nowMs);
  }

  /**
   * Holds what a call will use, of every budget that counts it or of none.
   *
   * @param charge of the reading that is counted; `classIndex` -1 for a call without a class, which no budget counts
   */
  reserve(handle: SessionHandle, charge: Charge, host: string): Reservation | Exceeded {
    const session = this.#at(handle);
    if (!session.hasRoomForHost(host)) return HOSTS_FULL;
    const exceeded = session.ledger.exceeded(charge);
    if (exceeded !== undefined) return exceeded;
    if (session.outstanding >= this.#maxPerSession) return IN_FLIGHT_FULL;
    const entry = this.#reservations.take(session);
    if (entry === undefined) return IN_FLIGHT_FULL;
    session.outstanding += 1;
    session.undecided += 1;
    return { id: entry.id, lines: session.ledger.hold(charge, entry) };
  }

  /**
   * The name of a budget of the session that counts one class and not the other: a call that may be either could be
   * kept out of it by whoever sends it.
   */
  countsOnly(handle: SessionHandle, classIndex: number, notIndex: number): string | undefined {
    return this.#at(handle).ledger.countsOnly(classIndex, notIndex);
  }

  /** Charges a reservation for good. @returns false where it was settled before: nothing happens then */
  commit(id: number): boolean {
    return this.#settle(id, true);
  }

  /** Gives a reservation back. @returns false where it was settled before: nothing happens then */
  rollBack(id: number): boolean {
    return this.#settle(id, false);
  }

  /**
   * Counts a call that was allowed.
   *
   * @param reservation the call's; it stays counted once, whether it is committed or rolled back later
   */
  countAllow(handle: SessionHandle, classIndex: number, host: string, reservation: number | undefined): void {
    const session = this.#at(handle);
    const entry = reservation === undefined ? undefined : this.#reservations.find(reservation);
    if (entry?.session === session) this.#decided(entry, session);
    session.countAllow(classIndex, host);
  }

  /** A call that was allowed can be read as one of this class too: policies may ask for it (`session.classes`). */
  noteClass(handle: SessionHandle, classIndex: number): void {
    this.#at(handle).noteClass(classIndex);
  }

  countDeny(handle: SessionHandle): void {
    this.#at(handle).countDeny();
  }

  /** A credential was injected into a call of that session. */
  noteInjected(key: string, label: string): void {
    const handle = this.#handles.get(key);
    if (handle !== undefined) this.#at(handle).noteInjected(label);
  }

  /** Ends a session: its later calls are denied. The first reason stays; what is reserved is settled as ever. */
  abort(handle: SessionHandle, reason: string): void {
    this.#at(handle).abortReason ??= reason;
  }

  /** Why the session was ended, or undefined while it goes on. */
  abortReason(handle: SessionHandle): string | undefined {
    return this.#at(handle).abortReason;
  }

  get sessionCount(): number {
    return this.#sessions.length;
  }

  get reservationCount(): number {
    return this.#reservations.outstanding;
  }

  #settle(id: number, committed: boolean): boolean {
    const entry = this.#reservations.find(id);
    const session = entry?.session;
    if (entry === undefined || session === undefined) return false;
    session.ledger.settle(entry, committed);
    this.#decided(entry, session);
    session.outstanding -= 1;
    this.#reservations.giveBack(entry);
    return true;
  }

  #decided(entry: Entry, session: Session): void {
    if (!entry.undecided) return;
    entry.undecided = false;
    session.undecided -= 1;
  }

  #at(handle: SessionHandle): Session {
    const session = this.#sessions[handle];
    // Only a handle of another table gets here; the decision's catch-all denies.
    if (session === undefined) throw new RangeError('the handle is not of this session table');
    return session;
  }
}
