import { Backlog } from './backlog.ts';
import type { FailureKind } from './lane.ts';
import type { HttpResponse } from './response.ts';
import type { Schedule } from './schedule.ts';
import type { Tally } from './tally.ts';

/** What carries one request at a time. */
export interface Carrier {
  dueMs: number;
  sentMs: number;
  send(request: string): void;
}

export interface OpenLoopOptions {
  readonly schedule: Schedule;
  /** The next request, complete. Asked once for each that is sent. */
  readonly nextRequest: () => string;
  readonly tally: Tally;
  /** Most requests that wait for a connection; one that is due beyond them is counted as unsent. */
  readonly maxBacklog: number;
  /** Milliseconds of a clock that never runs backwards. */
  readonly now: () => number;
}

/**
 * The heart of a load run: sends what is due, whatever became of what was sent before.
 *
 * A request is due at its time on the schedule, and its latency counts from then, not from when a connection was free
 * for it. Otherwise a server that stalls would be asked less, and its stall would be seen by the few that were under
 * way (coordinated omission).
 */
export class OpenLoop {
  readonly #options: OpenLoopOptions;
  readonly #backlog: Backlog;
  /** Idle carriers, the one that was idle longest first, so that all are used alike. */
  readonly #idle: Carrier[] = [];
  #idleFrom = 0;
  #startMs = 0;
  #hasStarted = false;
  #next = 0;
  #underWay = 0;
  #isStopped = false;

  constructor(options: OpenLoopOptions) {
    this.#options = options;
    this.#backlog = new Backlog(options.maxBacklog);
  }

  /** The schedule begins now. */
  start(): void {
    this.#hasStarted = true;
    this.#startMs = this.#options.now();
  }

  get elapsedMs(): number {
    return this.#options.now() - this.#startMs;
  }

  /** Requests taken off the schedule. */
  get taken(): number {
    return this.#next;
  }

  /** Nothing is due any more, and nothing under way. */
  get isDone(): boolean {
    return this.#isOver && this.#underWay === 0 && this.#backlog.size === 0;
  }

  get hasIdle(): boolean {
    return this.#idleFrom < this.#idle.length;
  }

  get #isOver(): boolean {
    return this.#isStopped || this.#next >= this.#options.schedule.total;
  }

  /**
   * Takes what is due off the schedule and sends it while connections are idle.
   *
   * @returns milliseconds until the next request is due; Infinity where none will be
   */
  turn(): number {
    const { schedule, tally } = this.#options;
    if (this.#isOver) return Infinity;
    const elapsedMs = this.elapsedMs;
    for (const due = schedule.dueBy(elapsedMs); this.#next < due; this.#next++) {
      const dueMs = schedule.dueAtMs(this.#next);
      tally.due();
      if (!this.#backlog.add(dueMs)) tally.unsent();
      else if (this.hasIdle) {
        tally.lag(elapsedMs - dueMs);
        this.#send(this.#takeIdle());
      }
    }
    return this.#isOver ? Infinity : schedule.dueAtMs(this.#next) - elapsedMs;
  }

  /** A connection has nothing under way. */
  idle(carrier: Carrier): void {
    if (this.#backlog.size > 0) {
      this.#send(carrier);
      return;
    }
    this.#idle.push(carrier);
    if (this.#hasStarted) this.turn();
  }

  /** A connection that was idle is gone. */
  gone(carrier: Carrier): void {
    const at = this.#idle.indexOf(carrier, this.#idleFrom);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  answered(carrier: Carrier, response: HttpResponse): void {
    const { elapsedMs } = this;
    this.#underWay--;
    this.#options.tally.answered(elapsedMs, elapsedMs - carrier.dueMs, elapsedMs - carrier.sentMs, response);
  }

  failed(carrier: Carrier, kind: FailureKind): void {
    const { elapsedMs } = this;
    this.#underWay--;
    this.#options.tally.failed(elapsedMs, elapsedMs - carrier.dueMs, elapsedMs - carrier.sentMs, kind);
  }

  /** Nothing more is sent: what waits, and what is due no more, is counted as unsent. */
  stop(): void {
    const { tally } = this.#options;
    for (; this.#backlog.size > 0; this.#backlog.take()) tally.unsent();
    this.#isStopped = true;
  }

  #takeIdle(): Carrier {
    const carrier = this.#idle[this.#idleFrom++];
    if (carrier === undefined) throw new RangeError('no connection is idle');
    // The list is cut back now and then, not at each request.
    if (this.#idleFrom > 1024) {
      this.#idle.splice(0, this.#idleFrom);
      this.#idleFrom = 0;
    }
    return carrier;
  }

  #send(carrier: Carrier): void {
    const { nextRequest, tally } = this.#options;
    carrier.dueMs = this.#backlog.take();
    this.#underWay++;
    const request = nextRequest();
    carrier.sentMs = this.elapsedMs;
    tally.sent();
    carrier.send(request);
  }
}
