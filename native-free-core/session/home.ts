import { SESSION } from './account-layout.ts';
import type { Scope } from './account-layout.ts';
import { MAX_SLOTS } from './accounts.ts';
import type { BudgetLimit, BudgetRule } from './budget.ts';
import { Directory } from './directory.ts';
import { JournalMemory } from './journal.ts';
import { HOME, MAX_THREADS } from './memory.ts';
import type { Opener } from './openings.ts';
import { Recovery } from './recovery.ts';
import type { Entry } from './reservations.ts';
import { Residence } from './residence.ts';
import type { StateStore } from './saves.ts';
import type { SessionIdentity } from './session-key.ts';
import type { SessionAnswer, SessionRequest, SharedSessions } from './shared.ts';
import type { State } from './state.ts';

export interface HomeOptions {
  readonly budgets: readonly BudgetRule[];
  readonly sha256Hex: (text: string) => string;
  readonly store?: StateStore | undefined;
  readonly maxReservationsPerSession: number;
  readonly onStoreFailed?: ((detail: string) => void) | undefined;
}

/** What only the thread that made a table does: opening, the store, and what other threads ask of it. */
export class Home implements Opener {
  readonly #state: State;
  readonly #options: HomeOptions;
  readonly #directory: Directory;
  readonly residence: Residence | undefined;
  #journals: JournalMemory | undefined;

  constructor(state: State, options: HomeOptions) {
    this.#state = state;
    this.#options = options;
    const { onStoreFailed, sha256Hex, store } = options;
    if (store !== undefined) this.residence = new Residence(state, store, onStoreFailed);
    this.#directory = new Directory(state, this.residence, sha256Hex);
  }

  openSidecar(): Promise<void> {
    return this.#directory.openSidecar();
  }

  /** @returns a handle, -1 where there is no room */
  open(
    identity: SessionIdentity,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): number | Promise<number> {
    this.#state.later.run();
    return this.#directory.open(identity, startMs, tokenBudgets);
  }

  share(): SharedSessions {
    const { isDurable, memory, plans, pools } = this.#state;
    this.#journals ??= new JournalMemory(plans.all.length, undefined, HOME);
    const { buffer } = memory;
    const journals = this.#journals.memory.buffer;
    if (buffer instanceof ArrayBuffer || journals instanceof ArrayBuffer) {
      throw new RangeError('there is no shared memory here, so sessions stay in one thread');
    }
    const [sessions, agents] = pools;
    const { budgets, maxReservationsPerSession } = this.#options;
    return {
      buffer,
      journals,
      budgets,
      maxSessions: sessions.max,
      maxAgents: agents.max,
      maxReservationsPerSession,
      isDurable,
    };
  }

  async serve(request: SessionRequest): Promise<SessionAnswer> {
    try {
      switch (request.kind) {
        case 'open':
          return this.#opened(await this.open(request.identity, request.startMs, request.tokenBudgets));
        case 'save':
          await this.#save(request.account);
          return { ok: true, kind: 'done' };
        case 'prefetch':
          for (const account of request.accounts) this.#prefetch(account);
          return { ok: true, kind: 'done' };
      }
    } catch (error) {
      return { ok: false, message: error instanceof Error ? error.message : 'the session table failed' };
    }
  }

  /** @param own what the home's calls hold */
  threadEnded(thread: number, own: Iterable<Entry>): void {
    if (!(Number.isInteger(thread) && thread > HOME && thread < MAX_THREADS)) {
      throw new RangeError(`a thread is a number from 1 to ${MAX_THREADS - 1}`);
    }
    if (this.#journals !== undefined) new Recovery(this.#state, this.#journals).threadEnded(thread, own);
    this.#state.later.run();
  }

  #opened(handle: number): SessionAnswer {
    const slot = this.#state.pools[SESSION].slotOf(handle);
    if (handle === -1) {
      return { ok: true, kind: 'opened', handle: undefined, tokenVersion: 0, tokenRules: [] };
    }
    const tokens = slot === -1 ? undefined : this.#state.tokens.get(slot);
    return {
      ok: true,
      kind: 'opened',
      handle,
      tokenVersion: tokens?.version ?? 0,
      tokenRules: (tokens?.plans ?? []).map(({ at, rule }) => ({ at, rule })),
    };
  }

  // An account that left memory meanwhile was saved before.
  async #save(account: number): Promise<void> {
    const [scope, slot] = accountOf(account);
    if (this.#state.pools[scope].isInUse(slot)) await this.residence?.save(scope, slot);
  }

  #prefetch(account: number): void {
    const [scope, slot] = accountOf(account);
    if (this.#state.pools[scope].isInUse(slot)) this.residence?.prefetch(scope, slot);
  }
}

function accountOf(account: number): readonly [scope: Scope, slot: number] {
  const scope = Math.floor(account / MAX_SLOTS);
  return [scope === 0 ? 0 : scope === 1 ? 1 : 2, account % MAX_SLOTS];
}
