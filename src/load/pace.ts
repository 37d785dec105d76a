import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** Timers of the event loop are a millisecond apart, and late: closer to its time a run does not rely on them. */
const TIMER_GRAIN_MS = 2;
/** Longest sleep: what was expected may have changed by then. */
const MAX_SLEEP_MS = 50;

/**
 * Turns the event loop so that what is due is done within some microseconds of its time: it sleeps while nothing is near
 * and spins in the last two milliseconds before. A spinning turn is as idle as a sleeping one, and is counted so.
 */
export class Pace {
  readonly #turn: () => number;
  #since: EventLoopUtilization | undefined;
  #spunMs = 0;
  #lastMs = 0;
  #hasWorked = false;
  #isSpinning = false;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param turn does what is due and answers with the milliseconds until more is; Infinity where nothing will be */
  constructor(turn: () => number) {
    this.#turn = turn;
  }

  start(): void {
    this.#since = performance.eventLoopUtilization();
    this.#lastMs = performance.now();
    this.#next();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** This turn of the event loop is not an idle one. */
  worked(): void {
    this.#hasWorked = true;
  }

  /** Something may be due sooner than was expected. */
  wake(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    setImmediate(this.#next);
  }

  /** The share of the time since the start, 0 to 1, in which there was something to do. */
  get busy(): number {
    if (this.#since === undefined) return 0;
    const { active, idle } = performance.eventLoopUtilization(this.#since);
    return active + idle === 0 ? 0 : Math.max(0, active - this.#spunMs) / (active + idle);
  }

  readonly #next = (): void => {
    this.#timer = undefined;
    if (this.#isStopped) return;
    const waitMs = this.#turn();
    const nowMs = performance.now();
    if (this.#isSpinning && !this.#hasWorked) this.#spunMs += nowMs - this.#lastMs;
    this.#hasWorked = false;
    this.#lastMs = nowMs;
    this.#isSpinning = waitMs < TIMER_GRAIN_MS;
    if (this.#isSpinning) setImmediate(this.#next);
    else this.#timer = setTimeout(this.#next, Math.min(waitMs - 1, MAX_SLEEP_MS));
  };
}
