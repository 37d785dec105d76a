/** One session may hold this part of the queue. */
const SESSION_SHARE = 8;
/** So much of the queue is kept for records that are no decisions: outcomes of calls that already left. */
const RESERVED_SHARE = 8;

interface Held {
  readonly session: string;
  count: number;
  bytes: number;
}

/**
 * The records the writer has not acknowledged yet: how many, how large, and whose.
 *
 * A ring of fixed size: taking and settling allocate nothing.
 */
export class Outstanding {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  readonly #maxDecisions: number;
  readonly #maxOfSession: number;
  readonly #maxBytesOfSession: number;
  readonly #holders: (Held | undefined)[];
  readonly #sizes: Uint32Array;
  readonly #bySession = new Map<string, Held>();
  /** What `hasRoom` found last, which `take` mostly needs again. */
  #found: Held | undefined;
  #head = 0;
  #count = 0;
  #bytes = 0;

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
    this.#maxDecisions = maxCount - Math.floor(maxCount / RESERVED_SHARE);
    this.#maxOfSession = Math.max(1, Math.floor(maxCount / SESSION_SHARE));
    this.#maxBytesOfSession = Math.floor(maxBytes / SESSION_SHARE);
    this.#holders = Array.from({ length: maxCount }, () => undefined);
    this.#sizes = new Uint32Array(maxCount);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a record of this session, or of none, may come in. */
  hasRoom(session: string | undefined): boolean {
    if (this.#bytes >= this.#maxBytes) return false;
    if (session === undefined) return this.#count < this.#maxCount;
    if (this.#count >= this.#maxDecisions) return false;
    const held = this.#bySession.get(session);
    this.#found = held;
    return held === undefined || (held.count < this.#maxOfSession && held.bytes < this.#maxBytesOfSession);
  }

  /** INVARIANT: only after `hasRoom`. */
  take(session: string | undefined, bytes: number): void {
    const slot = (this.#head + this.#count) % this.#maxCount;
    this.#sizes[slot] = bytes;
    this.#count += 1;
    this.#bytes += bytes;
    this.#holders[slot] = session === undefined ? undefined : this.#hold(session, bytes);
  }

  /** The oldest `count` records arrived. */
  settle(count: number): void {
    for (let left = Math.min(count, this.#count); left > 0; left--) {
      const held = this.#holders[this.#head];
      const bytes = this.#sizes[this.#head] ?? 0;
      this.#bytes -= bytes;
      this.#holders[this.#head] = undefined;
      this.#head = (this.#head + 1) % this.#maxCount;
      this.#count -= 1;
      if (held === undefined) continue;
      held.count -= 1;
      held.bytes -= bytes;
      if (held.count === 0) this.#bySession.delete(held.session);
    }
    this.#found = undefined;
  }

  #hold(session: string, bytes: number): Held {
    let held = this.#found?.session === session ? this.#found : this.#bySession.get(session);
    if (held === undefined) {
      held = { session, count: 0, bytes: 0 };
      this.#bySession.set(session, held);
    }
    held.count += 1;
    held.bytes += bytes;
    return held;
  }
}
