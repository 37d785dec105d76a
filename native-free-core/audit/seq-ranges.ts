interface Range {
  /** First number in it. */
  readonly from: number;
  /** First number after it. */
  readonly to: number;
}

/** A set of sequence numbers, kept as ranges; added in rising order. Small: one range for each irregularity. */
export class SeqRanges {
  readonly #ranges: Range[] = [];

  get count(): number {
    return this.#ranges.length;
  }

  /** Adds `from` up to, not with, `to`. */
  add(from: number, to: number): void {
    this.#ranges.push({ from, to });
  }

  /** Takes one number out. @returns whether it was there */
  take(seq: number): boolean {
    const at = this.#ranges.findIndex(({ from, to }) => from <= seq && seq < to);
    const range = this.#ranges[at];
    if (range === undefined) return false;
    const left = { from: range.from, to: seq };
    const right = { from: seq + 1, to: range.to };
    this.#ranges.splice(at, 1, ...[left, right].filter(({ from, to }) => from < to));
    return true;
  }

  all(): readonly Range[] {
    return this.#ranges;
  }
}
