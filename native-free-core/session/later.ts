import { LockStuck } from './locks.ts';

// Between two attempts: each may wait for a lock.
const AGAIN_MS = 20;

/**
 * What the home has to do once a lock is free: what is charged or given back must not be lost because the thread that holds
 * it is gone, and the home learns of that only after it stopped waiting.
 */
export class Later {
  readonly #nowMs: () => number;
  #due: (() => void)[] = [];
  #triedMs = -Infinity;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether something is due still, after what can be done was done. */
  get isDue(): boolean {
    if (this.#due.length !== 0 && this.#nowMs() - this.#triedMs >= AGAIN_MS) this.run();
    return this.#due.length !== 0;
  }

  /** @param operation throws `LockStuck` where it cannot be done, and changes nothing then */
  add(operation: () => void): void {
    if (this.#due.length === 0) this.#triedMs = this.#nowMs();
    this.#due.push(operation);
  }

  /** Does what is due, in order, up to what is still in the way. */
  run(): void {
    const due = this.#due;
    this.#due = [];
    for (const [index, operation] of due.entries()) {
      try {
        operation();
      } catch (error) {
        this.#due = [...due.slice(index), ...this.#due];
        if (!(error instanceof LockStuck)) throw error;
        this.#triedMs = this.#nowMs();
        return;
      }
    }
  }
}
