import type { Accounts } from './accounts.ts';
import type { Journal } from './journal.ts';

/**
 * Whose turn a session is: a thread decides about one session at a time, and holds its lock meanwhile. Turns of one
 * session nest.
 *
 * INVARIANT: a turn is synchronous, and no turn begins in another session's: two threads would wait for one another.
 */
export class Turns {
  readonly #sessions: Accounts;
  readonly #journal: Journal | undefined;
  #slot = -1;
  #depth = 0;

  constructor(sessions: Accounts, journal: Journal | undefined) {
    this.#sessions = sessions;
    this.#journal = journal;
  }

  /**
   * @throws LockStuck, in the home alone
   * @throws RangeError within the turn of another session
   */
  begin(slot: number): void {
    if (this.#depth === 0) {
      this.#sessions.locks.lock(slot);
      this.#slot = slot;
      this.#journal?.begin(slot);
    } else if (slot !== this.#slot) {
      throw new RangeError('another session is being decided about; end that first');
    }
    this.#depth += 1;
  }

  /** @throws RangeError where none was begun */
  end(): void {
    if (this.#depth === 0) throw new RangeError('no session is being decided about');
    this.#journal?.endOperation();
    this.#depth -= 1;
    if (this.#depth !== 0) return;
    this.#journal?.end();
    this.#sessions.locks.unlock(this.#slot);
  }
}
