import type { Decision } from '@firma/core';

/** How long an enforcement point may be silent about a call before it counts as sent. */
const SILENCE_MS = 600_000;
const CHECK_INTERVAL_MS = 1_000;

interface Held {
  readonly decision: Decision;
  readonly untilMs: number;
}

type Settle = (decision: Decision, how: 'commit' | 'rollback') => void;

/**
 * Allowed calls whose enforcement point has yet to say whether they left: each is settled once, and ten minutes of
 * silence commit it. As many as there are reservations, and no more.
 */
export class ManualDecisions {
  readonly #held = new Map<string, Held>();
  readonly #settle: Settle;
  readonly #nowMs: () => number;
  readonly #check: NodeJS.Timeout;

  constructor(settle: Settle, nowMs: () => number = () => performance.now()) {
    this.#settle = settle;
    this.#nowMs = nowMs;
    this.#check = setInterval(() => this.expire(), CHECK_INTERVAL_MS);
    this.#check.unref();
  }

  get count(): number {
    return this.#held.size;
  }

  hold(eventId: string, decision: Decision): void {
    this.#held.set(eventId, { decision, untilMs: this.#nowMs() + SILENCE_MS });
  }

  /** @returns false where no such call is to be settled: it was, or never was one */
  settle(eventId: string, how: 'commit' | 'rollback'): boolean {
    const held = this.#held.get(eventId);
    if (held === undefined) return false;
    this.#held.delete(eventId);
    this.#settle(held.decision, how);
    return true;
  }

  /** Commits what nobody spoke about in time. The oldest come first. */
  expire(): void {
    const now = this.#nowMs();
    for (const [eventId, { untilMs }] of this.#held) {
      if (untilMs > now) return;
      this.settle(eventId, 'commit');
    }
  }

  close(): void {
    clearInterval(this.#check);
    for (const eventId of [...this.#held.keys()]) this.settle(eventId, 'commit');
  }
}
