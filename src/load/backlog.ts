/** What is due and has no connection yet: the times at which it was due, oldest first. Bounded. */
export class Backlog {
  readonly #times: Float64Array;
  #first = 0;
  #size = 0;

  constructor(limit: number) {
    this.#times = new Float64Array(limit);
  }

  get size(): number {
    return this.#size;
  }

  /** @returns false where it is full: what stood longest keeps its place, as its wait is what is measured */
  add(dueMs: number): boolean {
    const limit = this.#times.length;
    if (this.#size === limit) return false;
    this.#times[(this.#first + this.#size++) % limit] = dueMs;
    return true;
  }

  /** The oldest; NaN where there is none. */
  take(): number {
    if (this.#size === 0) return Number.NaN;
    const dueMs = this.#times[this.#first] ?? Number.NaN;
    this.#first = (this.#first + 1) % this.#times.length;
    this.#size--;
    return dueMs;
  }
}
