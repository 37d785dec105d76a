import { BLOCK, COMMITTED, FREE, HELD_AT, HELD_WORDS, IN_FLIGHT, PART, PLAIN, UNDECIDED } from './journal.ts';
import type { JournalMemory } from './journal.ts';
import { MAX_THREADS } from './memory.ts';
import type { Entry } from './reservations.ts';

/** What accounts should hold: counted from every reservation there is, the home's own and those in journals. */
export class Holdings {
  /** By first word of the counter. */
  readonly held = new Map<number, number>();
  /** By slot. */
  readonly ofSessions = new Map<number, number>();
  readonly undecided = new Map<number, number>();
  readonly ofAgents = new Map<number, number>();

  addOwn(entries: Iterable<Entry>): void {
    for (const entry of entries) {
      add(this.ofSessions, entry.session, 1);
      if (entry.ofAgent) add(this.ofAgents, entry.agent, 1);
      if (entry.undecided) add(this.undecided, entry.session, 1);
      for (let index = 0; index < entry.count; index++) {
        if (entry.committed && entry.plans[index]?.isInFlight !== true) continue;
        add(this.held, entry.at[index] ?? 0, entry.amounts[index] ?? 0);
      }
    }
  }

  addJournals(journals: JournalMemory): void {
    const { cells } = journals.memory;
    for (let thread = 1; thread < MAX_THREADS; thread++) {
      let block = cells[journals.part(thread) * 2 + PART.newest] ?? 0;
      while (block !== 0) {
        if (cells[block * 2 + BLOCK.state] !== FREE) this.#addBlock(journals, block);
        block = cells[block * 2 + BLOCK.next] ?? 0;
      }
    }
  }

  #addBlock(journals: JournalMemory, block: number): void {
    const { cells, words } = journals.memory;
    const cell = block * 2;
    const session = cells[cell + BLOCK.session] ?? 0;
    const agent = (cells[cell + BLOCK.agent] ?? 0) - 1;
    add(this.ofSessions, session, 1);
    if (agent !== -1) add(this.ofAgents, agent, 1);
    if (((cells[cell + BLOCK.flags] ?? 0) & UNDECIDED) !== 0) add(this.undecided, session, 1);
    const isCommitted = cells[cell + BLOCK.state] === COMMITTED;
    const count = cells[cell + BLOCK.count] ?? 0;
    for (let index = 0; index < count; index++) {
      const at = block + HELD_AT + index * HELD_WORDS;
      const kind = cells[at * 2 + 1] ?? 0;
      if (isCommitted && kind !== IN_FLIGHT) continue;
      add(this.held, cells[at * 2] ?? 0, kind === PLAIN ? 1 : (words[at + 1] ?? 0));
    }
  }
}

function add(to: Map<number, number>, key: number, amount: number): void {
  to.set(key, (to.get(key) ?? 0) + amount);
}
