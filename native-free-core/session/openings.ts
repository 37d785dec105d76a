import { readKey } from './account-key.ts';
import { AGENT, SESSION } from './account-layout.ts';
import type { BudgetLimit } from './budget.ts';
import { LockStuck } from './locks.ts';
import { sessionDigest } from './session-key.ts';
import type { SessionIdentity } from './session-key.ts';
import type { State } from './state.ts';
import type { SessionHandle } from './table-options.ts';

const MAX_HANDLES = 4096;

/** Who opens sessions that this thread does not know: the home's directory, or whoever asks the home. */
export interface Opener {
  /** @returns a handle, -1 where there is no room. Rejects where the store or the home fails */
  open(
    identity: SessionIdentity,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): number | Promise<number>;
}

interface Opened {
  readonly handle: SessionHandle;
  readonly tokenBudgets: readonly BudgetLimit[];
}

/** Handles of sessions, with what this thread remembers of them: a token that it has seen costs no digest. */
export class Openings {
  readonly #state: State;
  readonly #opener: Opener;
  readonly #sha256Hex: (text: string) => string;
  /** What was opened last for an identity, and with which rules of its token. */
  readonly #opened = new WeakMap<SessionIdentity, Opened>();
  readonly #handles = new Map<string, SessionHandle>();
  readonly #scratch = new Uint32Array(4);

  constructor(state: State, opener: Opener, sha256Hex: (text: string) => string) {
    this.#state = state;
    this.#opener = opener;
    this.#sha256Hex = sha256Hex;
  }

  /** See `SessionTable.open`. */
  open(
    identity: SessionIdentity,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): SessionHandle | undefined | Promise<SessionHandle | undefined> {
    const known = this.#opened.get(identity);
    if (known !== undefined && known.tokenBudgets === tokenBudgets && this.isCurrent(known.handle)) {
      return known.handle;
    }
    const opened = this.#open(identity, startMs, tokenBudgets);
    return typeof opened === 'number'
      ? this.#learn(identity, tokenBudgets, opened)
      : opened.then((handle) => this.#learn(identity, tokenBudgets, handle));
  }

  /** See `SessionTable.find`. */
  find(key: string): SessionHandle | undefined {
    const pool = this.#state.pools[SESSION];
    const known = this.#handles.get(key);
    if (known !== undefined && pool.slotOf(known) !== -1) return known;
    readKey(sessionDigest(this.#sha256Hex, key), this.#scratch);
    const found = pool.handleOf(this.#scratch);
    if (found === -1) return undefined;
    const handle = found as SessionHandle;
    if (this.#handles.size >= MAX_HANDLES) this.#handles.clear();
    this.#handles.set(key, handle);
    return handle;
  }

  /** Whether the session is in memory, with its agent, and this thread knows the rules of its tokens. Says that it is in use. */
  isCurrent(handle: SessionHandle): boolean {
    const { pools, withAgents } = this.#state;
    const slot = pools[SESSION].slotOf(handle);
    if (slot === -1 || !this.#state.knowsTokens(slot)) return false;
    pools[SESSION].touch(slot);
    if (!withAgents) return true;
    const agent = this.#state.agentOf(slot);
    if (agent === -1) return false;
    pools[AGENT].touch(agent);
    return true;
  }

  #open(
    identity: SessionIdentity,
    startMs: number,
    tokenBudgets: readonly BudgetLimit[],
  ): number | Promise<number> {
    try {
      return this.#opener.open(identity, startMs, tokenBudgets);
    } catch (error) {
      // In the home: as where there is no room.
      if (error instanceof LockStuck) return -1;
      throw error;
    }
  }

  #learn(
    identity: SessionIdentity,
    tokenBudgets: readonly BudgetLimit[],
    opened: number,
  ): SessionHandle | undefined {
    if (opened === -1) return undefined;
    const handle = opened as SessionHandle;
    this.#opened.set(identity, { handle, tokenBudgets });
    return handle;
  }
}
