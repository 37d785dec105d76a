/** What is counted, in the order of the numbers in memory. */
const NAMES = ['declined', 'sampled', 'agreed', 'differed', 'unconfirmed', 'unanswered', 'dropped'] as const;

export type CountName = (typeof NAMES)[number];

/** `declined`: queries that the reference engine was asked in place of the compiled one. The others: `ShadowCounts`. */
export type Counts = Readonly<Record<CountName, number>>;

/** Counts of one deciding thread, in memory that the main thread reads. Only that thread writes. */
export class ReferenceCounts {
  readonly #numbers: Float64Array;

  /** @param memory from `memory()` */
  constructor(memory: SharedArrayBuffer) {
    this.#numbers = new Float64Array(memory);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(NAMES.length * Float64Array.BYTES_PER_ELEMENT);
  }

  static sum(memories: Iterable<SharedArrayBuffer>): Counts {
    const sum = {
      declined: 0,
      sampled: 0,
      agreed: 0,
      differed: 0,
      unconfirmed: 0,
      unanswered: 0,
      dropped: 0,
    };
    for (const memory of memories) {
      const numbers = new Float64Array(memory);
      for (const [index, name] of NAMES.entries()) sum[name] += numbers[index] ?? 0;
    }
    return sum;
  }

  /** One more. @returns how many there are then */
  add(name: CountName): number {
    const index = NAMES.indexOf(name);
    const count = (this.#numbers[index] ?? 0) + 1;
    this.#numbers[index] = count;
    return count;
  }
}
