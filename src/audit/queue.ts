import type { AuditPort, AuditRecord, DecisionLine } from '@firma/core';
import { Outstanding } from './outstanding.ts';
import { DOWN, OPEN, RingWriter, STATE, WAKE } from './ring.ts';
import type { SharedRing } from './ring.ts';
import { serialize } from './serialize.ts';
import { logUnavailable, Waiters } from './waiters.ts';

/**
 * The main thread is woken in the middle of a turn after so many records: log and decisions go on beside one another then,
 * where one would wait for the other.
 */
const WAKE_AFTER = 16;

/** The thread that holds the pipe to the writer. */
export const HOME = 0;

/** One deciding thread's way to the log, made by `AuditPipeline.openQueue`. Postable. */
export interface SharedQueue {
  readonly thread: number;
  /** Cells that all threads of the process share. */
  readonly shared: SharedArrayBuffer;
  readonly ring: SharedRing;
  /** Most records and bytes under way to the writer; one session may hold an eighth. */
  readonly maxRecords: number;
  readonly maxBytes: number;
}

/** Counters since the start. */
export interface QueueStats {
  readonly accepted: number;
  readonly refused: number;
  /** Accepted and not yet acknowledged, in records and bytes. */
  readonly queued: number;
  readonly queuedBytes: number;
}

/**
 * What a deciding thread appends to: accepts records in one synchronous step and hands them to the main thread through
 * memory that both share.
 *
 * The main thread is woken at the end of the turn, and only where no thread has done so since it looked last.
 */
export class AuditQueue implements AuditPort {
  readonly #shared: Int32Array;
  readonly #ring: RingWriter;
  readonly #outstanding: Outstanding;
  readonly #isHome: boolean;
  readonly #wake: () => void;
  readonly #waiters = new Waiters();
  readonly #flush = (): void => this.#wakeHome();
  #isWakeDue = false;
  /** Records since the main thread was woken. */
  #unsent = 0;
  #isClosed = false;
  #accepted = 0;
  #acknowledged = 0;
  #refused = 0;

  /** @param wake has the main thread call `drain`; called at most once for each */
  constructor(queue: SharedQueue, wake: () => void) {
    this.#shared = new Int32Array(queue.shared);
    this.#ring = new RingWriter(queue.shared, queue.ring);
    this.#outstanding = new Outstanding(queue.maxRecords, queue.maxBytes);
    this.#isHome = queue.thread === HOME;
    this.#wake = wake;
  }

  get stats(): QueueStats {
    this.#settle();
    return {
      accepted: this.#accepted,
      refused: this.#refused,
      queued: this.#outstanding.count,
      queuedBytes: this.#outstanding.bytes,
    };
  }

  /** Whether a record that is no decision would be accepted. */
  get hasRoom(): boolean {
    return this.#outstanding.hasRoom(undefined);
  }

  /**
   * INVARIANT: called while the session's lock is held, so that the log has its decisions in the order they were taken.
   *
   * @returns false where the record is not accepted: the call it stands for must be denied
   */
  append(record: AuditRecord | DecisionLine): boolean {
    const session = record.kind === 'decision' ? record.session_id : undefined;
    this.#settle();
    if (!this.#isClosed && Atomics.load(this.#shared, STATE) === OPEN && this.#outstanding.hasRoom(session)) {
      const line = serialize(record);
      const length = line === undefined ? 0 : this.#ring.push(line);
      if (length > 0) {
        this.#outstanding.take(session, length);
        this.#ring.tellQueued(this.#outstanding.bytes);
        this.#accepted += 1;
        this.#wakeSoon();
        return true;
      }
    }
    this.#refused += 1;
    this.#ring.countLost();
    return false;
  }

  /**
   * When everything appended so far is as safe as the log's `fsync` asks for: written by the writer, or on disk. A record
   * that is only on its way is lost where the writer dies, and nothing would show it.
   *
   * @returns undefined where it already is; a promise that rejects with StateUnusable where the writer cannot do it, or
   *   has not within five seconds
   */
  written(): Promise<void> | undefined {
    if (Atomics.load(this.#shared, STATE) !== OPEN) return Promise.reject(logUnavailable());
    this.#settle();
    if (this.#acknowledged === this.#accepted) return undefined;
    return this.#waiters.wait(this.#accepted);
  }

  /** The main thread says that there is something to see: records that are safe, or a log that takes no more. */
  acknowledged(): void {
    this.#settle();
    this.#waiters.release(this.#acknowledged);
    if (Atomics.load(this.#shared, STATE) === DOWN) this.#waiters.rejectAll();
  }

  /** Accepts nothing any more. What was accepted gets to the log; who waits for it is told as long as the thread lives. */
  close(): void {
    this.#isClosed = true;
    if (this.#isWakeDue) this.#wakeHome();
  }

  #settle(): void {
    const arrived = (this.#ring.acknowledged - this.#acknowledged) >>> 0;
    if (arrived === 0) return;
    this.#acknowledged += arrived;
    this.#outstanding.settle(arrived);
    this.#ring.tellQueued(this.#outstanding.bytes);
  }

  #wakeSoon(): void {
    this.#unsent += 1;
    if (!this.#isWakeDue) {
      this.#isWakeDue = true;
      setImmediate(this.#flush);
    } else if (this.#unsent >= WAKE_AFTER && !this.#isHome) {
      this.#wakeHome();
    }
  }

  #wakeHome(): void {
    if (!this.#isWakeDue) return;
    this.#isWakeDue = false;
    this.#unsent = 0;
    // The main thread need not be told by itself, and must not wait for another thread's message.
    if (Atomics.exchange(this.#shared, WAKE, 1) === 0 || this.#isHome) this.#wake();
  }
}
