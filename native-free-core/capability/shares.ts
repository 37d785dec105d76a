/** Who holds how many places of something bounded: nobody more than its share. A holder without a place is forgotten. */
export class Shares {
  readonly #max: number;
  readonly #held = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  hasRoom(holder: string): boolean {
    return (this.#held.get(holder) ?? 0) < this.#max;
  }

  /** INVARIANT: only after `hasRoom`. */
  take(holder: string): void {
    this.#held.set(holder, (this.#held.get(holder) ?? 0) + 1);
  }

  giveBack(holder: string): void {
    const left = (this.#held.get(holder) ?? 0) - 1;
    if (left > 0) this.#held.set(holder, left);
    else this.#held.delete(holder);
  }
}
