import { StateUnusable } from '@firma/core';
import { RingReader, RunTarget, TICKET, WAKE } from './ring.ts';
import type { SharedRing } from './ring.ts';

/** Rings at a time: of the threads there are, and of ended ones whose last records the writer has not taken. */
const MAX_RINGS = 128;

interface Source {
  readonly thread: number;
  readonly ring: RingReader;
  isEnded: boolean;
  isChanged: boolean;
}

/**
 * Joins the rings of all threads into one flow, and books what comes back to the ring it came from.
 *
 * The flow has the records in the order of their tickets, but never waits for one: a thread that has taken a ticket and has
 * not published its record yet is passed over, and the record comes with the next batch. That is right because the
 * next ticket is read before the rings are looked at. A record that a lock puts before another was published before the
 * other one's ticket was taken; so wherever the other is seen, it is seen too.
 */
export class RingMerge {
  readonly #shared: Int32Array;
  readonly #sources: (Source | undefined)[] = [];
  /** Which ring each record under way came from: a ring of fixed size itself. */
  readonly #order: Uint8Array;
  #first = 0;
  #next = 0;
  #until = 0;
  #refusedBefore = 0;

  /** @param maxUnderWay most records taken out and not acknowledged; the next power of two is taken */
  constructor(shared: SharedArrayBuffer, maxUnderWay: number) {
    this.#shared = new Int32Array(shared);
    this.#order = new Uint8Array(2 ** Math.ceil(Math.log2(Math.max(2, maxUnderWay))));
  }

  /** Records taken out, from the start. */
  get taken(): number {
    return this.#next;
  }

  /** Of these, how many are as safe as they were to be. */
  get acknowledged(): number {
    return this.#first;
  }

  /** Records taken out and not acknowledged. */
  get underWay(): number {
    return this.#next - this.#first;
  }

  /** Records in the rings. */
  get waiting(): number {
    let count = 0;
    for (const source of this.#sources) count += source?.ring.waiting ?? 0;
    return count;
  }

  /** Records that threads refused, also those that ended. */
  get refused(): number {
    let count = this.#refusedBefore;
    for (const source of this.#sources) count += source?.ring.refused ?? 0;
    return count;
  }

  /** The rings there are. */
  rings(): readonly RingReader[] {
    return this.#sources.flatMap((source) => (source === undefined ? [] : [source.ring]));
  }

  /** @throws StateUnusable where there are 128 rings: of ended threads, whose records the writer does not take */
  add(thread: number, ring: SharedRing): void {
    const free = this.#sources.indexOf(undefined);
    const slot = free === -1 ? this.#sources.length : free;
    if (slot === MAX_RINGS) throw new StateUnusable('the audit log has no room for another thread');
    this.#sources[slot] = { thread, ring: new RingReader(ring), isEnded: false, isChanged: false };
  }

  /** The thread is gone. What it published is still taken out. @returns its ring; undefined where it has none */
  end(thread: number): RingReader | undefined {
    const source = this.#sources.find((candidate) => candidate?.thread === thread && !candidate.isEnded);
    if (source === undefined) return undefined;
    source.isEnded = true;
    this.#dropEnded();
    return source.ring;
  }

  /**
   * Takes out what the rings hold, as far as there is room under way.
   *
   * @returns the lines; undefined: nothing
   */
  take(): Buffer | undefined {
    // In this order: who appends after it wakes the main thread again, and what has a ticket below is seen below.
    Atomics.store(this.#shared, WAKE, 0);
    const limit = Atomics.load(this.#shared, TICKET);
    let bytes = 0;
    for (const source of this.#sources) bytes += source?.ring.look() ?? 0;
    if (bytes === 0) return undefined;
    const into = new RunTarget(bytes);
    for (;;) {
      const room = this.#order.length - this.underWay;
      const slot = room > 0 ? this.#slotOfNext(limit) : -1;
      const source = this.#sources[slot];
      if (source === undefined) break;
      const count = source.ring.take(into, this.#until, room);
      this.#book(slot, count);
    }
    return into.length === 0 ? undefined : into.bytes.subarray(0, into.length);
  }

  /**
   * The oldest `count` records under way are as safe as they were to be.
   *
   * @param onChanged called once for each thread that has records among them
   */
  acknowledge(count: number, onChanged: (thread: number) => void): void {
    const end = this.#first + Math.min(count, this.underWay);
    const mask = this.#order.length - 1;
    for (; this.#first < end; this.#first++) {
      const source = this.#sources[this.#order[this.#first & mask] ?? 0];
      if (source === undefined) continue;
      source.ring.acknowledge();
      source.isChanged = true;
    }
    for (const source of this.#sources) {
      if (source?.isChanged !== true) continue;
      source.isChanged = false;
      source.ring.tellAcknowledged();
      if (!source.isEnded) onChanged(source.thread);
    }
    this.#dropEnded();
  }

  /** The ring with the least ticket below `limit`, -1 for none; `#until` is where another one's turn comes. */
  #slotOfNext(limit: number): number {
    let least = -1;
    let leastTicket = limit;
    this.#until = limit;
    for (let slot = 0; slot < this.#sources.length; slot++) {
      const ring = this.#sources[slot]?.ring;
      if (ring === undefined || !ring.hasNext) continue;
      const { ticket } = ring;
      if (((ticket - leastTicket) | 0) < 0) {
        this.#until = leastTicket;
        leastTicket = ticket;
        least = slot;
      } else if (((ticket - this.#until) | 0) < 0) this.#until = ticket;
    }
    return least;
  }

  #book(slot: number, count: number): void {
    const mask = this.#order.length - 1;
    for (let left = count; left > 0; left--) {
      this.#order[this.#next & mask] = slot;
      this.#next += 1;
    }
  }

  #dropEnded(): void {
    for (let slot = 0; slot < this.#sources.length; slot++) {
      const source = this.#sources[slot];
      if (source?.isEnded !== true) continue;
      if (source.ring.waiting > 0 || source.ring.unacknowledged > 0) continue;
      this.#refusedBefore += source.ring.refused;
      this.#sources[slot] = undefined;
    }
  }
}
