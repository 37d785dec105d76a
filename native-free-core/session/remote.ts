import { StateUnusable } from '../errors.ts';
import { SESSION } from './account-layout.ts';
import type { Scope } from './account-layout.ts';
import { MAX_SLOTS } from './accounts.ts';
import type { BudgetLimit } from './budget.ts';
import type { Keeper } from './coverage.ts';
import type { Opener } from './openings.ts';
import { tokenPlan } from './rule-plan.ts';
import type { SessionIdentity } from './session-key.ts';
import type { SessionAnswer, SessionRequest } from './shared.ts';
import type { State } from './state.ts';

export type Ask = (request: SessionRequest) => Promise<SessionAnswer>;

interface Opening {
  readonly tokenBudgets: readonly BudgetLimit[];
  readonly handle: Promise<number>;
}

/** What an attached thread has the home do: open sessions, and have accounts saved. Equal requests of one turn are one. */
export class Remote implements Keeper, Opener {
  readonly #state: State;
  readonly #ask: Ask;
  readonly #openings = new Map<SessionIdentity, Opening>();
  // Saves asked for in this turn of the event loop; one that was sent may have begun before what a later caller changed.
  readonly #saves = new Map<number, Promise<void>>();
  #prefetches = new Set<number>();

  constructor(state: State, ask: Ask) {
    this.#state = state;
    this.#ask = ask;
  }

  /** @returns a handle, -1 where there is no room. Rejects where the home could not open it */
  open(identity: SessionIdentity, startMs: number, tokenBudgets: readonly BudgetLimit[]): Promise<number> {
    const known = this.#openings.get(identity);
    if (known?.tokenBudgets === tokenBudgets) return known.handle;
    const handle = this.#open(identity, startMs, tokenBudgets).finally(() => {
      if (this.#openings.get(identity)?.handle === handle) this.#openings.delete(identity);
    });
    this.#openings.set(identity, { tokenBudgets, handle });
    return handle;
  }

  save(scope: Scope, slot: number): Promise<void> {
    const account = scope * MAX_SLOTS + slot;
    let save = this.#saves.get(account);
    if (save === undefined) {
      save = this.#save(account);
      this.#saves.set(account, save);
    }
    return save;
  }

  prefetch(scope: Scope, slot: number): void {
    if (this.#prefetches.size === 0) void Promise.resolve().then(() => this.#sendPrefetches());
    this.#prefetches.add(scope * MAX_SLOTS + slot);
  }

  async #open(
    identity: SessionIdentity,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): Promise<number> {
    const answer = await this.#ask({ kind: 'open', identity, startMs, tokenBudgets });
    if (!answer.ok || answer.kind !== 'opened') throw failed(answer);
    const { handle, tokenRules, tokenVersion } = answer;
    if (handle === undefined) return -1;
    const slot = this.#state.pools[SESSION].slotOf(handle);
    if (slot !== -1 && tokenRules.length > 0) {
      const plans = tokenRules.map(({ at, rule }) => tokenPlan(rule, at));
      this.#state.tokens.set(slot, { plans, seen: new WeakSet(), version: tokenVersion });
    }
    return handle;
  }

  async #save(account: number): Promise<void> {
    await Promise.resolve();
    this.#saves.delete(account);
    const answer = await this.#ask({ kind: 'save', account });
    if (!answer.ok || answer.kind !== 'done') throw failed(answer);
  }

  async #sendPrefetches(): Promise<void> {
    const accounts = [...this.#prefetches];
    this.#prefetches = new Set();
    try {
      await this.#ask({ kind: 'prefetch', accounts });
    } catch {
      // Whoever needs a save waits for one of its own.
    }
  }
}

function failed(answer: SessionAnswer): StateUnusable {
  return new StateUnusable(answer.ok ? 'the session table gave another answer' : answer.message);
}
