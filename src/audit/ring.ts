// One ring for each deciding thread: it alone puts lines in, the main thread alone takes them out. Nothing here waits.
//
// Counters run on through 2^32 and are compared by their difference.

/** Cells that all threads share: the order of records, whether the log takes any, whether the main thread is told. */
export const TICKET = 0;
export const STATE = 16;
export const WAKE = 32;
const SHARED_CELLS = 48;

/** Values of the cell STATE: records are refused; are taken; are refused while the last ones still get there. */
export const DOWN = 0;
export const OPEN = 1;
export const CLOSING = 2;

// Cells of one ring. A line of the cache apart: what the producer writes, what the consumer writes.
const STARTED = 0;
const PUBLISHED = 1;
const REFUSED = 2;
const LOST = 3;
const QUEUED_BYTES = 4;
const DRAINED = 16;
const ACKNOWLEDGED = 17;
const RING_CELLS = 32;

// Of each record: its ticket, where its line begins, how long it is.
const FIELDS = 3;

/** Postable. */
export interface SharedRing {
  /** Cells, then the fields of each record. */
  readonly cells: SharedArrayBuffer;
  /** The lines. */
  readonly bytes: SharedArrayBuffer;
  /** A power of two. */
  readonly maxRecords: number;
}

export function makeSharedCells(): SharedArrayBuffer {
  return new SharedArrayBuffer(SHARED_CELLS * 4);
}

/** @param minRecords the next power of two is taken */
export function makeRing(minRecords: number, bytes: number): SharedRing {
  const maxRecords = 2 ** Math.ceil(Math.log2(Math.max(2, minRecords)));
  return {
    cells: new SharedArrayBuffer((RING_CELLS + FIELDS * maxRecords) * 4),
    bytes: new SharedArrayBuffer(bytes),
    maxRecords,
  };
}

/** The thread's end. */
export class RingWriter {
  readonly #shared: Int32Array;
  readonly #cells: Int32Array;
  readonly #bytes: Buffer;
  readonly #maxRecords: number;
  #published = 0;
  /** Where the last line ends. */
  #end = 0;

  constructor(shared: SharedArrayBuffer, ring: SharedRing) {
    this.#shared = new Int32Array(shared);
    this.#cells = new Int32Array(ring.cells);
    this.#bytes = Buffer.from(ring.bytes);
    this.#maxRecords = ring.maxRecords;
    this.#published = Atomics.load(this.#cells, PUBLISHED);
  }

  /** How many of its records are as safe as they were to be, from the start, modulo 2^32. */
  get acknowledged(): number {
    return Atomics.load(this.#cells, ACKNOWLEDGED) >>> 0;
  }

  /**
   * Puts one line in, as UTF-8.
   *
   * INVARIANT: the ticket is taken within the call. Of two records that one lock orders, the first has its ticket and is
   * there before the second takes one.
   *
   * @returns its length in bytes; 0 where there is no room or the log takes none
   */
  push(line: string): number {
    const cells = this.#cells;
    const at = this.#place(line);
    if (at < 0) return 0;
    const next = (this.#published + 1) | 0;
    // Told before the state is looked at, so that a close that saw no hand-over under way has stopped the next one.
    Atomics.store(cells, STARTED, next);
    if (Atomics.load(this.#shared, STATE) !== OPEN) {
      Atomics.store(cells, STARTED, this.#published);
      return 0;
    }
    const ticket = Atomics.add(this.#shared, TICKET, 1);
    const length = this.#bytes.write(line, at);
    const field = RING_CELLS + FIELDS * (this.#published & (this.#maxRecords - 1));
    cells[field] = ticket;
    cells[field + 1] = at;
    cells[field + 2] = length;
    this.#end = at + length;
    this.#published = next;
    Atomics.store(cells, PUBLISHED, next);
    return length;
  }

  /** Counts a record that was not taken. */
  countLost(): void {
    Atomics.add(this.#cells, REFUSED, 1);
    Atomics.add(this.#cells, LOST, 1);
  }

  /** Says how much is under way, for whoever looks at the whole. */
  tellQueued(bytes: number): void {
    this.#cells[QUEUED_BYTES] = bytes;
  }

  #place(line: string): number {
    const at = this.#room(3 * line.length);
    return at < 0 ? this.#room(Buffer.byteLength(line)) : at;
  }

  /** Where so many bytes can stand in one piece; -1: nowhere. */
  #room(bytes: number): number {
    const drained = Atomics.load(this.#cells, DRAINED);
    const held = (this.#published - drained) | 0;
    const size = this.#bytes.length;
    // The start of an empty ring is what the cache still holds.
    if (held === 0) return bytes <= size ? 0 : -1;
    if (held >= this.#maxRecords) return -1;
    const oldest = this.#cells[RING_CELLS + FIELDS * (drained & (this.#maxRecords - 1)) + 1] ?? 0;
    if (this.#end <= oldest) return this.#end + bytes <= oldest ? this.#end : -1;
    if (this.#end + bytes <= size) return this.#end;
    return bytes <= oldest ? 0 : -1;
  }
}

/** The main thread's end. */
export class RingReader {
  readonly #cells: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #maxRecords: number;
  #drained = 0;
  /** How many records were there at the last `look`, from the start. */
  #seen = 0;
  #acknowledged = 0;

  constructor(ring: SharedRing) {
    this.#cells = new Int32Array(ring.cells);
    this.#bytes = new Uint8Array(ring.bytes);
    this.#maxRecords = ring.maxRecords;
  }

  /** Whether a record of the last `look` has not been taken out. */
  get hasNext(): boolean {
    return this.#drained !== this.#seen;
  }

  /** Its ticket. */
  get ticket(): number {
    return this.#cells[this.#field(this.#drained)] ?? 0;
  }

  /** Records in the ring now. */
  get waiting(): number {
    return (Atomics.load(this.#cells, PUBLISHED) - this.#drained) >>> 0;
  }

  /** Records taken out and not acknowledged. */
  get unacknowledged(): number {
    return (this.#drained - this.#acknowledged) >>> 0;
  }

  /** Whether the thread is within a hand-over, or died there. */
  get isHandingOver(): boolean {
    return Atomics.load(this.#cells, STARTED) !== Atomics.load(this.#cells, PUBLISHED);
  }

  get refused(): number {
    return Atomics.load(this.#cells, REFUSED) >>> 0;
  }

  /** Refused, and in no `gap` record yet. */
  get lost(): number {
    return Atomics.load(this.#cells, LOST) >>> 0;
  }

  get queuedBytes(): number {
    return this.#cells[QUEUED_BYTES] ?? 0;
  }

  /** As `lost`, which begins again at zero. */
  takeLost(): number {
    return Atomics.exchange(this.#cells, LOST, 0) >>> 0;
  }

  /** Fixes what the next steps see. @returns its bytes */
  look(): number {
    this.#seen = Atomics.load(this.#cells, PUBLISHED);
    let bytes = 0;
    for (let at = this.#drained; at !== this.#seen; at = (at + 1) | 0) {
      bytes += this.#cells[this.#field(at) + 2] ?? 0;
    }
    return bytes;
  }

  /**
   * Takes records of the last `look` out as long as their tickets are below `until`.
   *
   * @returns how many
   */
  take(into: RunTarget, until: number, most: number): number {
    let count = 0;
    let start = 0;
    let end = 0;
    for (; count < most && this.#drained !== this.#seen; count++) {
      const field = this.#field(this.#drained);
      if ((((this.#cells[field] ?? 0) - until) | 0) >= 0) break;
      const at = this.#cells[field + 1] ?? 0;
      if (at !== end) {
        into.add(this.#bytes, start, end);
        start = at;
      }
      end = at + (this.#cells[field + 2] ?? 0);
      this.#drained = (this.#drained + 1) | 0;
    }
    into.add(this.#bytes, start, end);
    Atomics.store(this.#cells, DRAINED, this.#drained);
    return count;
  }

  /** The oldest record taken out is as safe as it was to be. Seen by the thread after `tellAcknowledged`. */
  acknowledge(): void {
    this.#acknowledged = (this.#acknowledged + 1) | 0;
  }

  tellAcknowledged(): void {
    Atomics.store(this.#cells, ACKNOWLEDGED, this.#acknowledged);
  }

  #field(record: number): number {
    return RING_CELLS + FIELDS * (record & (this.#maxRecords - 1));
  }
}

/** Collects pieces of rings into one buffer. */
export class RunTarget {
  readonly bytes: Buffer;
  #length = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  get length(): number {
    return this.#length;
  }

  add(from: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    this.bytes.set(from.subarray(start, end), this.#length);
    this.#length += end - start;
  }
}
