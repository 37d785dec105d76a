import { StateUnusable } from '../errors.ts';
import { ACTION_CLASSES, findActionClass } from '../registry/classes.ts';
import {
  CELL,
  COMMITTED,
  CURRENCIES,
  FLAG,
  SESSION,
  WORD,
  LAST_CLASS,
  smallIn,
  withSmall,
} from './account-layout.ts';
import type { Scope } from './account-layout.ts';
import type { SavedCounter } from './counter-record.ts';
import { readCounter, writeCounter } from './counter-record.ts';
import { draw } from './grant.ts';
import type { NameSets } from './name-set.ts';
import { RecordReader, RecordWriter, unreadable } from './record-codec.ts';
import type { RulePlan } from './rule-plan.ts';
import { tokenPlan } from './rule-plan.ts';
import type { State } from './state.ts';
import { giveTokens } from './token-session.ts';
import { addToWindow, beginWindow, liveSum, restoreWindow, stepAt, windowSums } from './window.ts';

const VERSION = 1;

/**
 * Writes accounts as the records that a store keeps, and fills accounts from them. Rules are found by name. Home only, under the
 * lock of the account.
 */
export class AccountRecords {
  readonly #state: State;
  readonly #writer = new RecordWriter();

  constructor(state: State) {
    this.#state = state;
  }

  /**
   * The record of an account as it stands, with what is drawn of each counter on top of what is committed.
   *
   * @param exact nothing is drawn beyond what calls under way hold
   */
  write(scope: Scope, slot: number, exact: boolean): Uint8Array {
    const state = this.#state;
    const { cells, words } = state.memory;
    const word = state.pools[scope].word(slot);
    const to = this.#writer;
    to.byte(VERSION);
    to.byte(scope);
    to.text(state.names.text(cells[word * 2 + CELL.issuer] ?? 0));
    to.text(state.names.text(cells[word * 2 + CELL.agent] ?? 0));
    if (scope === SESSION) this.#writeSession(word);
    const now = state.nowMs();
    const counters: SavedCounter[] = [];
    for (const plan of state.plansOf(scope, slot)) {
      const at = state.counterAt(word, plan, now);
      if (at === 0 || (plan.isInFlight && !plan.isToken)) continue;
      const drawn = draw(words, at, plan, exact);
      const committed = words[at + COMMITTED] ?? 0;
      if (drawn + committed === 0 && !plan.isToken) continue;
      const { rule } = plan;
      counters.push({
        name: rule.name,
        kind: rule.kind,
        currency: rule.currency ?? '',
        windowMs: plan.windowMs,
        spent: plan.windowMs === 0 ? committed + drawn : drawn,
        sums: plan.windowMs === 0 ? undefined : windowSums(words, at),
        rule: plan.isToken ? rule : undefined,
      });
    }
    to.count(counters.length);
    for (const counter of counters) writeCounter(to, counter);
    return to.take();
  }

  /**
   * Fills an account that was just made. What was drawn and not charged counts as charged, in a window now.
   *
   * @throws StateUnusable where the record is none of this version, or of another kind of account
   */
  restore(scope: Scope, slot: number, record: Uint8Array): void {
    const state = this.#state;
    const { cells } = state.memory;
    const word = state.pools[scope].word(slot);
    const from = new RecordReader(record);
    if (from.byte() !== VERSION || from.byte() !== scope) throw unreadable();
    cells[word * 2 + CELL.issuer] = this.#name(from.text());
    cells[word * 2 + CELL.agent] = this.#name(from.text());
    if (scope === SESSION) this.#readSession(from, word);
    const now = state.nowMs();
    for (let left = from.count(); left > 0; left--) this.#restoreCounter(scope, slot, readCounter(from), now);
    from.end();
  }

  #name(text: string): number {
    if (text === '') return 0;
    const id = this.#state.names.take(text);
    if (id === 0) throw noRoom();
    return id;
  }

  #writeSession(word: number): void {
    const state = this.#state;
    const { cells, words } = state.memory;
    const cell = word * 2;
    const to = this.#writer;
    to.text(state.sids.read(cells[cell + CELL.sid] ?? 0));
    for (let at: number = WORD.startMs; at <= WORD.receivedBytes; at++) to.number(words[word + at] ?? 0);
    for (let place = 0; place < CURRENCIES; place++) {
      to.number(cells[cell + CELL.currencies + place] ?? 0);
      to.number(words[word + WORD.amounts + place] ?? 0);
    }
    to.text(state.names.text(cells[cell + CELL.abortReason] ?? 0));
    to.text(ACTION_CLASSES[smallIn(cells[cell + CELL.flags] ?? 0, LAST_CLASS) - 1]?.name ?? '');
    to.texts(
      ACTION_CLASSES.filter(
        ({ index }) => (((cells[cell + CELL.classes + (index >> 5)] ?? 0) >>> (index & 31)) & 1) === 1,
      ).map(({ name }) => name),
    );
    to.texts(state.hosts.list(cell));
    to.texts(state.injected.list(cell));
  }

  #readSession(from: RecordReader, word: number): void {
    const state = this.#state;
    const { cells, words } = state.memory;
    const cell = word * 2;
    const sid = state.sids.put(from.text());
    if (sid === 0) throw noRoom();
    cells[cell + CELL.sid] = sid;
    for (let at: number = WORD.startMs; at <= WORD.receivedBytes; at++) words[word + at] = from.number();
    for (let place = 0; place < CURRENCIES; place++) {
      cells[cell + CELL.currencies + place] = from.number();
      words[word + WORD.amounts + place] = from.number();
    }
    const reason = from.text();
    if (reason !== '') {
      cells[cell + CELL.abortReason] = this.#name(reason);
      cells[cell + CELL.flags] = (cells[cell + CELL.flags] ?? 0) | FLAG.aborted;
    }
    const last = findActionClass(from.text());
    if (last !== undefined) {
      cells[cell + CELL.flags] = withSmall(cells[cell + CELL.flags] ?? 0, LAST_CLASS, last.index + 1);
    }
    for (const name of from.texts()) {
      const index = findActionClass(name)?.index;
      if (index === undefined) continue;
      const at = cell + CELL.classes + (index >> 5);
      cells[at] = (cells[at] ?? 0) | (1 << (index & 31));
    }
    for (const host of from.texts()) this.#add(state.hosts, cell, host);
    for (const label of from.texts()) this.#add(state.injected, cell, label);
  }

  // What policies look at must be all there.
  #add(set: NameSets, cell: number, name: string): void {
    if (!set.add(cell, name) && !set.has(cell, name)) {
      throw noRoom();
    }
  }

  #restoreCounter(scope: Scope, slot: number, saved: SavedCounter, now: number): void {
    const state = this.#state;
    const { words } = state.memory;
    const plan = saved.rule === undefined ? this.#configured(scope, saved) : this.#ofToken(slot, saved);
    if (plan === undefined || plan.isInFlight) return;
    const word = state.pools[scope].word(slot);
    if (plan.windowMs === 0) {
      const at = plan.isToken ? plan.at : word + plan.at;
      words[at + COMMITTED] =
        saved.spent + (saved.sums === undefined ? 0 : liveSum(saved.sums, saved.windowMs, now));
      return;
    }
    let { at } = plan;
    if (!plan.isToken) {
      at = state.windows.take();
      if (at === 0) throw unreadable();
      state.memory.cells[word * 2 + plan.windowCell] = at;
    }
    const isPast = saved.sums !== undefined && saved.sums.step <= stepAt(saved.windowMs, now);
    // A clock that was ahead when it was saved must not hold the window until then: it is charged anew, now.
    if (saved.sums !== undefined && saved.windowMs === plan.windowMs && isPast) {
      restoreWindow(words, at, saved.sums);
      state.counterAt(word, plan, now);
      addToWindow(words, at, saved.spent);
      return;
    }
    const live = saved.sums === undefined ? 0 : liveSum(saved.sums, saved.windowMs, now);
    beginWindow(words, at, stepAt(plan.windowMs, now));
    addToWindow(words, at, saved.spent + live);
  }

  #configured(scope: Scope, saved: SavedCounter): RulePlan | undefined {
    return this.#state.plans.scopes[scope].plans.find(
      ({ rule }) =>
        rule.name === saved.name && rule.kind === saved.kind && (rule.currency ?? '') === saved.currency,
    );
  }

  #ofToken(slot: number, saved: SavedCounter): RulePlan | undefined {
    const state = this.#state;
    const { rule } = saved;
    if (rule === undefined) return undefined;
    const at = (saved.windowMs === 0 ? state.tokenCounters : state.tokenWindows).take();
    if (at === 0) throw unreadable();
    const plan = tokenPlan(rule, at);
    giveTokens(state, slot, (state.tokens.get(slot)?.plans ?? []).concat(plan), new WeakSet());
    return plan;
  }
}

function noRoom(): StateUnusable {
  return new StateUnusable('there is no room for the names of a session');
}
