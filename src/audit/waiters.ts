import { StateUnusable } from '@firma/core';

/** How long an ALLOW waits for a writer that is stopped or whose disk hangs. */
const MAX_WAIT_MS = 5000;

interface Waiter {
  readonly ordinal: number;
  readonly untilMs: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The refusal of a log that takes no records. */
export function logUnavailable(): StateUnusable {
  return new StateUnusable('the audit log does not take records; no call can be allowed');
}

/**
 * Calls that wait for their record, each five seconds at most.
 *
 * One timer for all of them, which runs on when they are gone: setting one for each costs more than handing a record over.
 */
export class Waiters {
  #list: Waiter[] = [];
  #first = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #expire = (): void => this.#dropLate();

  /** @param ordinal not below that of an earlier one */
  wait(ordinal: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#list.push({ ordinal, untilMs: performance.now() + MAX_WAIT_MS, resolve, reject });
      if (this.#timer === undefined) this.#timer = setTimeout(this.#expire, MAX_WAIT_MS).unref();
    });
  }

  /** Resolves those whose record, and every earlier one, is safe. */
  release(upTo: number): void {
    for (let next = this.#list[this.#first]; next !== undefined && next.ordinal <= upTo;) {
      next.resolve();
      next = this.#pass();
    }
    this.#shrink();
  }

  rejectAll(): void {
    for (let next = this.#list[this.#first]; next !== undefined;) {
      next.reject(logUnavailable());
      next = this.#pass();
    }
    this.#shrink();
  }

  /** A writer that does not answer is not waited for: the call is denied. */
  #dropLate(): void {
    this.#timer = undefined;
    const now = performance.now();
    let next = this.#list[this.#first];
    while (next !== undefined && next.untilMs <= now) {
      next.reject(logUnavailable());
      next = this.#pass();
    }
    if (next !== undefined) this.#timer = setTimeout(this.#expire, Math.ceil(next.untilMs - now)).unref();
    this.#shrink();
  }

  #pass(): Waiter | undefined {
    this.#first += 1;
    return this.#list[this.#first];
  }

  #shrink(): void {
    if (this.#first === this.#list.length) {
      this.#list.length = 0;
      this.#first = 0;
    } else if (this.#first * 2 > this.#list.length) {
      this.#list = this.#list.slice(this.#first);
      this.#first = 0;
    }
  }
}
