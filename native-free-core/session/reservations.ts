import type { Holding } from './ledger.ts';
import type { Session } from './session.ts';

/** One place for a reservation, used again and again. */
export interface Entry extends Holding {
  /** Of the current use; another one after the entry was given back. */
  id: number;
  session: Session | undefined;
  /** The call was neither allowed nor denied yet. */
  undecided: boolean;
}

const INDICES = 65_536;

/**
 * The reservations outstanding, at most 65,536.
 *
 * An id is generation × 65,536 + index. INVARIANT: the generation grows whenever an entry is given back, so an id names
 * one reservation for ever, and a stale one names none.
 */
export class Reservations {
  readonly #entries: Entry[] = [];
  readonly #free: number[] = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = Math.min(max, INDICES);
  }

  take(session: Session): Entry | undefined {
    const index = this.#free.pop();
    let entry = index === undefined ? undefined : this.#entries[index];
    if (entry === undefined) {
      if (this.#entries.length >= this.#max) return undefined;
      entry = { id: this.#entries.length, session: undefined, undecided: false, rules: [], amounts: [] };
      this.#entries.push(entry);
    }
    entry.session = session;
    entry.undecided = true;
    return entry;
  }

  find(id: number): Entry | undefined {
    const entry = this.#entries[id % INDICES];
    return entry?.id === id && entry.session !== undefined ? entry : undefined;
  }

  giveBack(entry: Entry): void {
    this.#free.push(entry.id % INDICES);
    entry.id += INDICES;
    entry.session = undefined;
    entry.rules.length = 0;
    entry.amounts.length = 0;
  }

  get outstanding(): number {
    return this.#entries.length - this.#free.length;
  }
}
