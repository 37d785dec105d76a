import { StateUnusable } from '../errors.ts';
import type { Scope } from './account-layout.ts';
import { AGENT, SESSION, SIDECAR } from './account-layout.ts';
import type { Charging } from './charging.ts';
import type { Counters } from './counters.ts';
import { isCovered } from './grant.ts';
import { LockStuck } from './locks.ts';
import type { Entry } from './reservations.ts';
import type { State } from './state.ts';

/** Who has accounts saved: in the home what keeps them in memory, in another thread whoever asks the home. */
export interface Keeper {
  /** Saves an account as it is now or later. Rejects where that fails. */
  save(scope: Scope, slot: number): Promise<void>;
  /** Asks for a save that nobody waits for. */
  prefetch(scope: Scope, slot: number): void;
}

const OF_SESSION = 1 << SESSION;
const OF_AGENT = 1 << AGENT;
const OF_SIDECAR = 1 << SIDECAR;

/** Has the store told what calls are about to use, before they use it. */
export class Coverage {
  readonly #state: State;
  readonly #keeper: Keeper;
  readonly #counters: Counters;
  /** What is held until the store knows of it. */
  readonly loans = new Set<Entry>();
  readonly #charging: Charging;

  constructor(state: State, keeper: Keeper, counters: Counters, charging: Charging) {
    this.#state = state;
    this.#keeper = keeper;
    this.#counters = counters;
    this.#charging = charging;
  }

  /** Asks for the saves that the last operations found useful. */
  prefetch(entry: Entry): void {
    const { wanted } = this.#counters;
    if (wanted === 0) return;
    this.#counters.wanted = 0;
    if ((wanted & OF_SESSION) !== 0) this.#keeper.prefetch(SESSION, entry.session);
    if ((wanted & OF_AGENT) !== 0) this.#keeper.prefetch(AGENT, entry.agent);
    if ((wanted & OF_SIDECAR) !== 0) this.#keeper.prefetch(SIDECAR, 0);
  }

  /** See `SessionTable.durable`. */
  durable(entry: Entry): Promise<void> | undefined {
    const scopes = this.#uncovered(entry);
    if (scopes === 0) {
      entry.covered = true;
      return undefined;
    }
    return this.#cover(entry, this.#saves(scopes, entry));
  }

  #uncovered(entry: Entry): number {
    const { memory, turns } = this.#state;
    turns.begin(entry.session);
    try {
      let scopes = this.#state.isSettled(SESSION, entry.session) ? 0 : OF_SESSION;
      if (entry.covered) return scopes;
      this.#counters.lock(entry);
      for (let index = 0; index < entry.count; index++) {
        const plan = entry.plans[index];
        if (plan !== undefined && !isCovered(memory.words, entry.at[index] ?? 0, plan))
          scopes |= 1 << plan.scope;
      }
      this.#counters.unlock(entry);
      return scopes;
    } finally {
      turns.end();
    }
  }

  async #cover(entry: Entry, saves: readonly Promise<void>[]): Promise<void> {
    const { id } = entry;
    await Promise.all(saves);
    // A reservation that ended meanwhile must not leave any more.
    if (entry.id !== id) throw ended();
    entry.covered = true;
  }

  /** Charges bytes that are held, once the store knows of them. @returns false where it cannot be told */
  async takeHeld(loan: Entry): Promise<boolean> {
    this.loans.add(loan);
    let scopes = 0;
    for (let index = 0; index < loan.count; index++) scopes |= 1 << (loan.plans[index]?.scope ?? SESSION);
    // The call may be over before the store answers; the loan keeps its accounts in memory until then.
    const saves = await Promise.allSettled(this.#saves(scopes, loan));
    const saved = saves.every(({ status }) => status === 'fulfilled');
    const settles = (): void => {
      this.#state.turns.begin(loan.session);
      try {
        this.#charging.settle(loan, saved);
        this.loans.delete(loan);
      } finally {
        this.#state.turns.end();
      }
    };
    try {
      settles();
    } catch (error) {
      if (!(error instanceof LockStuck)) throw error;
      this.#state.later.add(settles);
    }
    return saved;
  }

  #saves(scopes: number, { agent, session }: Entry): Promise<void>[] {
    const saves: Promise<void>[] = [];
    if ((scopes & OF_SESSION) !== 0) saves.push(this.#keeper.save(SESSION, session));
    if ((scopes & OF_AGENT) !== 0) saves.push(this.#keeper.save(AGENT, agent));
    if ((scopes & OF_SIDECAR) !== 0) saves.push(this.#keeper.save(SIDECAR, 0));
    return saves;
  }
}

/** What is told where a call is to leave whose reservation is over. */
export function ended(): StateUnusable {
  return new StateUnusable('the reservation of the call is over');
}
