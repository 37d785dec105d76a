import type { Random } from './random.ts';

/**
 * Ranks by Zipf's law: of `count`, rank r (from 0) comes up in proportion to 1 / (r + 1)^exponent. An exponent of 0
 * makes all alike.
 */
export class Zipf {
  /** Of each rank, the share of it and all before it. */
  readonly #upTo: Float64Array;

  /** @param count at least 1 */
  constructor(count: number, exponent: number) {
    this.#upTo = new Float64Array(count);
    let sum = 0;
    for (let rank = 0; rank < count; rank++) this.#upTo[rank] = sum += (rank + 1) ** -exponent;
    for (let rank = 0; rank < count; rank++) this.#upTo[rank] = (this.#upTo[rank] ?? 0) / sum;
  }

  /** Cost: O(log count), no allocation. */
  pick(random: Random): number {
    const wanted = random();
    let low = 0;
    let high = this.#upTo.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#upTo[middle] ?? 1) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
