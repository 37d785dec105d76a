import { StateUnusable } from '../errors.ts';
import { AGENT, SESSION, SIDECAR } from './account-layout.ts';
import { isCovered } from './grant.ts';
import type { Ledger } from './ledger.ts';
import type { Entry } from './reservations.ts';
import type { Residence } from './residence.ts';
import type { RulePlan } from './rule-plan.ts';
import type { State } from './state.ts';

const OF_SESSION = 1 << SESSION;
const OF_AGENT = 1 << AGENT;
const OF_SIDECAR = 1 << SIDECAR;

/** Has the store told what calls are about to use, before they use it. */
export class Coverage {
  readonly #state: State;
  readonly #residence: Residence;
  readonly #ledger: Ledger;

  constructor(state: State, residence: Residence, ledger: Ledger) {
    this.#state = state;
    this.#residence = residence;
    this.#ledger = ledger;
  }

  /** Asks for the saves that the ledger's last operation found useful. */
  prefetch(entry: Entry): void {
    const { wanted } = this.#ledger;
    if (wanted === 0) return;
    this.#ledger.wanted = 0;
    if ((wanted & OF_SESSION) !== 0) this.#residence.prefetch(SESSION, entry.session);
    if ((wanted & OF_AGENT) !== 0) this.#residence.prefetch(AGENT, entry.agent);
    if ((wanted & OF_SIDECAR) !== 0) this.#residence.prefetch(SIDECAR, 0);
  }

  /** See `SessionTable.durable`. */
  durable(entry: Entry): Promise<void> | undefined {
    let scopes = this.#residence.isSettled(SESSION, entry.session) ? 0 : OF_SESSION;
    if (!entry.covered) {
      const { words } = this.#state.memory;
      for (let index = 0; index < entry.count; index++) {
        const plan = entry.plans[index];
        if (plan !== undefined && !isCovered(words, entry.at[index] ?? 0, plan)) scopes |= 1 << plan.scope;
      }
    }
    if (scopes === 0) {
      entry.covered = true;
      return undefined;
    }
    return this.#cover(entry, this.#saves(scopes, entry.session, entry.agent));
  }

  async #cover(entry: Entry, saves: readonly Promise<void>[]): Promise<void> {
    const { id } = entry;
    await Promise.all(saves);
    // A reservation that ended meanwhile must not leave any more.
    if (entry.id !== id) throw ended();
    entry.covered = true;
  }

  /** Charges bytes that `Ledger.takeBytes` held, once the store knows of them. @returns false where it cannot be told */
  async takeHeld(entry: Entry, bytes: number): Promise<boolean> {
    const { session, agent, ofAgent } = entry;
    const plans: RulePlan[] = [];
    const counters: number[] = [];
    let scopes = 0;
    for (let index = 0; index < entry.count; index++) {
      const plan = entry.plans[index];
      if (plan === undefined || !plan.isBytes) continue;
      plans.push(plan);
      counters.push(entry.at[index] ?? 0);
      scopes |= 1 << plan.scope;
    }
    // The call may be over before the store answers; its accounts stay in memory until then.
    this.#state.addOutstanding(SESSION, session, 1);
    if (ofAgent) this.#state.addOutstanding(AGENT, agent, 1);
    const saves = await Promise.allSettled(this.#saves(scopes, session, agent));
    const saved = saves.every(({ status }) => status === 'fulfilled');
    this.#ledger.settleBytes(plans, counters, bytes, saved);
    this.#state.touch(SESSION, session);
    if (ofAgent) this.#state.touch(AGENT, agent);
    this.#state.touch(SIDECAR, 0);
    this.#state.addOutstanding(SESSION, session, -1);
    if (ofAgent) this.#state.addOutstanding(AGENT, agent, -1);
    return saved;
  }

  #saves(scopes: number, session: number, agent: number): Promise<void>[] {
    const saves: Promise<void>[] = [];
    if ((scopes & OF_SESSION) !== 0) saves.push(this.#residence.save(SESSION, session));
    if ((scopes & OF_AGENT) !== 0) saves.push(this.#residence.save(AGENT, agent));
    if ((scopes & OF_SIDECAR) !== 0) saves.push(this.#residence.save(SIDECAR, 0));
    return saves;
  }
}

/** What is told where a call is to leave whose reservation is over. */
export function ended(): StateUnusable {
  return new StateUnusable('the reservation of the call is over');
}
