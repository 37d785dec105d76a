import type { Keeper } from './coverage.ts';
import { keyText, readKey } from './account-key.ts';
import { CELL, FLAG, SIDECAR } from './account-layout.ts';
import type { Scope } from './account-layout.ts';
import { AccountRecords } from './account-record.ts';
import { MAX_SLOTS } from './accounts.ts';
import { drawn, wantsSave } from './grant.ts';
import { LockStuck } from './locks.ts';
import type { SaveSource, StateStore } from './saves.ts';
import { Saves } from './saves.ts';
import type { State } from './state.ts';

// Loads under way, each of which may bring a session of its own.
const MAX_LOADS = 4096;
// How many accounts are looked at, or waited for, to make room for one.
const MAX_TRIES = 64;
// How many accounts a flush saves in one turn.
const FLUSHED_AT_ONCE = 128;

/** Which accounts are in memory: brings them from the store, saves them, and lets the idle ones go. */
export class Residence implements Keeper, SaveSource {
  readonly #state: State;
  readonly #store: StateStore;
  readonly #records: AccountRecords;
  readonly #onFailed: ((detail: string) => void) | undefined;
  readonly #loads = new Map<string, Promise<boolean>>();
  /** Of saves under way: how many of the changes that no call may leave before they hold. */
  readonly #saving = new Map<number, number>();
  readonly saves: Saves;

  constructor(state: State, store: StateStore, onFailed: ((detail: string) => void) | undefined) {
    this.#state = state;
    this.#store = store;
    this.#records = new AccountRecords(state);
    this.#onFailed = onFailed;
    this.saves = new Saves(store, this);
  }

  /**
   * Brings an account into memory, as the store has it or empty.
   *
   * @param key 32 hex digits
   * @returns false where there is no room; rejects where the store or the record cannot be read
   */
  bring(scope: Scope, key: string): Promise<boolean> {
    const name = `${scope}${key}`;
    let load = this.#loads.get(name);
    if (load === undefined) {
      if (this.#loads.size >= MAX_LOADS) return Promise.resolve(false);
      load = this.#load(scope, key).finally(() => this.#loads.delete(name));
      this.#loads.set(name, load);
    }
    return load;
  }

  /** Saves an account: what it is now, with what is drawn ahead. */
  save(scope: Scope, slot: number): Promise<void> {
    return this.saves.save(scope * MAX_SLOTS + slot, false);
  }

  prefetch(scope: Scope, slot: number): void {
    this.saves.prefetch(scope * MAX_SLOTS + slot);
  }

  /**
   * Saves exactly what is not saved exactly, a few accounts at a time. Calls made meanwhile wait for their blocks again.
   * Rejects where one of the saves fails, once all have ended.
   */
  async flush(): Promise<void> {
    await this.#flushOnce();
    // A save that was asked for ahead of use at the same moment drew more than was used.
    await this.#flushOnce();
  }

  async #flushOnce(): Promise<void> {
    let failure: PromiseRejectedResult | undefined;
    let saves: Promise<void>[] = [];
    const settle = async (): Promise<void> => {
      for (const result of await Promise.allSettled(saves))
        if (result.status === 'rejected') failure ??= result;
      saves = [];
    };
    for (const [scope, pool] of this.#state.pools.entries()) {
      for (let slot = 0; slot < pool.reached; slot++) {
        const account = scope * MAX_SLOTS + slot;
        if (!pool.isInUse(slot) || !(this.#isDirty(account) || this.saves.has(account))) continue;
        // The store's answer ends the turn: whoever flushes goes on deciding.
        if (saves.push(this.saves.save(account, true)) === FLUSHED_AT_ONCE) await settle();
      }
    }
    await settle();
    if (failure !== undefined) throw failure.reason;
  }

  // What `Saves` asks.

  key(account: number): string {
    return keyText(this.#state.memory.cells, this.#cell(account) + CELL.key);
  }

  record(account: number, exact: boolean): Uint8Array {
    const { cells } = this.#state.memory;
    const [scope, slot] = [this.#scope(account), account % MAX_SLOTS];
    const cell = this.#cell(account);
    this.#state.begin(scope, slot);
    try {
      this.#saving.set(account, cells[cell + CELL.needs] ?? 0);
      const record = this.#records.write(scope, slot, exact);
      if (exact) cells[cell + CELL.flags] = (cells[cell + CELL.flags] ?? 0) & ~FLAG.dirty;
      return record;
    } finally {
      this.#state.end(scope, slot);
    }
  }

  isWanted(account: number): boolean {
    const { memory, pools } = this.#state;
    const [scope, slot] = [this.#scope(account), account % MAX_SLOTS];
    const word = pools[scope].word(slot);
    const now = this.#state.nowMs();
    if (!this.#begins(scope, slot)) return false;
    let isWanted = false;
    for (const plan of this.#state.plansOf(scope, slot)) {
      const at = this.#state.counterAt(word, plan, now);
      if (at !== 0 && wantsSave(memory.words, at, plan)) isWanted = true;
    }
    this.#state.end(scope, slot);
    return isWanted;
  }

  ended(account: number, saved: boolean): void {
    try {
      this.#ended(account, saved);
    } catch (error) {
      if (!(error instanceof LockStuck)) throw error;
      this.#state.later.add(() => this.#ended(account, saved));
    }
  }

  failed(detail: string): void {
    this.#onFailed?.(detail);
  }

  #ended(account: number, saved: boolean): void {
    const { cells, words } = this.#state.memory;
    const [scope, slot] = [this.#scope(account), account % MAX_SLOTS];
    this.#state.begin(scope, slot);
    const word = this.#state.pools[scope].word(slot);
    const now = this.#state.nowMs();
    for (const plan of this.#state.plansOf(scope, slot)) {
      const at = this.#state.counterAt(word, plan, now);
      if (at !== 0 && !plan.isInFlight) drawn(words, at, saved);
    }
    if (saved) cells[word * 2 + CELL.saved] = this.#saving.get(account) ?? 0;
    else this.#state.touch(scope, slot);
    this.#saving.delete(account);
    this.#state.end(scope, slot);
  }

  async #load(scope: Scope, key: string): Promise<boolean> {
    const record = await this.#store.load(key);
    const { pools } = this.#state;
    const pool = pools[scope];
    if (!(await this.#makeRoom(scope))) return false;
    const parts = new Uint32Array(4);
    readKey(key, parts);
    const slot = pool.take(parts);
    if (slot === -1) return false;
    this.#state.begin(scope, slot);
    try {
      if (record !== undefined) this.#records.restore(scope, slot, record);
      this.#state.touch(scope, slot);
    } catch (error) {
      this.#state.drop(scope, slot);
      throw error;
    } finally {
      this.#state.end(scope, slot);
    }
    return true;
  }

  /** Lets idle accounts go beyond 7/8 of the room, and waits for one where there is none left. */
  async #makeRoom(scope: Scope): Promise<boolean> {
    const pool = this.#state.pools[scope];
    if (scope === SIDECAR) return pool.count < pool.max;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (pool.count < pool.max - Math.ceil(pool.max / 8)) return true;
      const slot = pool.idle();
      if (slot === -1) break;
      const leaving = this.#letGo(scope, slot);
      if (pool.count < pool.max) {
        if (leaving !== 'busy') return true;
        continue;
      }
      if (leaving instanceof Promise) await leaving;
    }
    return pool.count < pool.max;
  }

  /** Drops an idle account, after it was saved where that is needed. */
  #letGo(scope: Scope, slot: number): 'busy' | 'gone' | Promise<void> {
    const pool = this.#state.pools[scope];
    const dropped = this.#dropIdle(scope, slot);
    if (dropped === 'gone') return 'gone';
    // Others are looked at first until it is saved, or idle.
    pool.touch(slot);
    return dropped === 'busy' ? 'busy' : this.#dropSaved(scope, slot, pool.generation(slot));
  }

  // INVARIANT: an account leaves memory under its lock, where no call has it, and what the store holds is exactly that.
  #dropIdle(scope: Scope, slot: number): 'busy' | 'dirty' | 'gone' {
    const account = scope * MAX_SLOTS + slot;
    if (!this.#begins(scope, slot)) return 'busy';
    try {
      if (!this.#isIdle(scope, account)) return 'busy';
      if (this.#isDirty(account)) return 'dirty';
      this.#state.drop(scope, slot);
      return 'gone';
    } finally {
      this.#state.end(scope, slot);
    }
  }

  async #dropSaved(scope: Scope, slot: number, generation: number): Promise<void> {
    try {
      await this.saves.save(scope * MAX_SLOTS + slot, true);
    } catch {
      return;
    }
    // It may have been used since.
    if (this.#state.pools[scope].generation(slot) === generation) this.#dropIdle(scope, slot);
  }

  /** Takes the lock of an account. @returns false where another thread does not let go of it */
  #begins(scope: Scope, slot: number): boolean {
    try {
      this.#state.begin(scope, slot);
      return true;
    } catch (error) {
      if (error instanceof LockStuck) return false;
      throw error;
    }
  }

  #isIdle(scope: Scope, account: number): boolean {
    const { cells } = this.#state.memory;
    const outstanding = cells[this.#state.pools[scope].word(account % MAX_SLOTS) * 2 + CELL.outstanding];
    return outstanding === 0 && !this.saves.has(account);
  }

  #isDirty(account: number): boolean {
    return ((this.#state.memory.cells[this.#cell(account) + CELL.flags] ?? 0) & FLAG.dirty) !== 0;
  }

  #cell(account: number): number {
    return this.#state.pools[this.#scope(account)].word(account % MAX_SLOTS) * 2;
  }

  #scope(account: number): Scope {
    const scope = Math.floor(account / MAX_SLOTS);
    return scope === 0 ? 0 : scope === 1 ? 1 : 2;
  }
}
