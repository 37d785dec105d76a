/** Bytes of a file in pieces of any size. What takes it may read it twice, from the start each time. */
export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Longest line of a log, without its newline. */
export const MAX_LINE_BYTES = 64 * 1024;

const NEWLINE = 0x0a;

/**
 * Cuts pieces of a file into lines, holding at most one unfinished line.
 *
 * A line beyond 64 KiB is answered cut to one byte more than that: its length shows what it is.
 */
export class LineSplitter {
  #unfinished = new Uint8Array(1024);
  #held = 0;
  #tornBytes = 0;
  #completeBytes = 0;

  /** Bytes up to and with the last newline. */
  get completeBytes(): number {
    return this.#completeBytes;
  }

  /** Bytes after the last newline: once the file ended, of a line that was never finished. */
  get tornBytes(): number {
    return this.#tornBytes;
  }

  /** The lines that this piece finishes, without their newlines. They may share the piece's memory. */
  push(piece: Uint8Array): Uint8Array[] {
    const lines: Uint8Array[] = [];
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, start)) {
      const rest = piece.subarray(start, end);
      this.#completeBytes += this.#tornBytes + rest.length + 1;
      this.#tornBytes = 0;
      if (this.#held === 0) {
        lines.push(rest.length > MAX_LINE_BYTES ? rest.subarray(0, MAX_LINE_BYTES + 1) : rest);
      } else {
        this.#hold(rest);
        lines.push(this.#unfinished.slice(0, this.#held));
        this.#held = 0;
      }
      start = end + 1;
    }
    if (start < piece.length) {
      const rest = piece.subarray(start);
      this.#tornBytes += rest.length;
      this.#hold(rest);
    }
    return lines;
  }

  #hold(piece: Uint8Array): void {
    const taken = piece.subarray(0, MAX_LINE_BYTES + 1 - this.#held);
    const needed = this.#held + taken.length;
    if (needed > this.#unfinished.length) {
      const larger = new Uint8Array(Math.min(MAX_LINE_BYTES + 1, Math.max(needed, 2 * this.#held)));
      larger.set(this.#unfinished.subarray(0, this.#held));
      this.#unfinished = larger;
    }
    this.#unfinished.set(taken, this.#held);
    this.#held = needed;
  }
}
