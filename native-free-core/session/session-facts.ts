import { CELL, FLAG, LAST_CLASS, SESSION, withSmall, WORD } from './account-layout.ts';
import type { State } from './state.ts';

/** What a session remembers of its calls beside its budgets, by slot. In a turn of the session. */
export class SessionFacts {
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
  }

  /** @param classIndex -1 for a call without a class */
  allowed(slot: number, classIndex: number, host: string): void {
    const { hosts, memory, pools } = this.#state;
    const { cells, words } = memory;
    const word = pools[SESSION].word(slot);
    const cell = word * 2;
    words[word + WORD.allows] = (words[word + WORD.allows] ?? 0) + 1;
    let isNew = hosts.add(cell, host);
    if (classIndex >= 0) {
      cells[cell + CELL.flags] = withSmall(cells[cell + CELL.flags] ?? 0, LAST_CLASS, classIndex + 1);
      if (this.#addClass(cell, classIndex)) isNew = true;
    }
    if (isNew) this.#grew(slot);
    this.#changed(slot);
  }

  /** Calls that were decided. */
  count(slot: number): number {
    const { memory, pools } = this.#state;
    const word = pools[SESSION].word(slot);
    return (memory.words[word + WORD.allows] ?? 0) + (memory.words[word + WORD.denies] ?? 0);
  }

  /** Another class of a call that was allowed. */
  did(slot: number, classIndex: number): void {
    if (this.#addClass(this.#state.pools[SESSION].word(slot) * 2, classIndex)) this.#grew(slot);
  }

  denied(slot: number): void {
    const at = this.#state.pools[SESSION].word(slot) + WORD.denies;
    this.#state.memory.words[at] = (this.#state.memory.words[at] ?? 0) + 1;
    this.#changed(slot);
  }

  injected(slot: number, label: string): void {
    if (this.#state.injected.add(this.#state.pools[SESSION].word(slot) * 2, label)) this.#grew(slot);
  }

  moved(slot: number, sent: number, received: number): void {
    const { words } = this.#state.memory;
    const word = this.#state.pools[SESSION].word(slot);
    words[word + WORD.sentBytes] = (words[word + WORD.sentBytes] ?? 0) + sent;
    words[word + WORD.receivedBytes] = (words[word + WORD.receivedBytes] ?? 0) + received;
    this.#state.touch(SESSION, slot);
  }

  /** The first reason stays. */
  abort(slot: number, reason: string): void {
    const { memory, names, pools } = this.#state;
    const cell = pools[SESSION].word(slot) * 2;
    const flags = memory.cells[cell + CELL.flags] ?? 0;
    if ((flags & FLAG.aborted) !== 0) return;
    // Where there is no room for the reason, it is empty; the session is ended all the same.
    memory.cells[cell + CELL.abortReason] = names.take(reason);
    memory.cells[cell + CELL.flags] = flags | FLAG.aborted;
    this.#changed(slot);
    this.#state.need(SESSION, slot);
  }

  abortReason(slot: number): string | undefined {
    const { memory, names, pools } = this.#state;
    const cell = pools[SESSION].word(slot) * 2;
    if (((memory.cells[cell + CELL.flags] ?? 0) & FLAG.aborted) === 0) return undefined;
    return names.text(memory.cells[cell + CELL.abortReason] ?? 0);
  }

  #addClass(cell: number, classIndex: number): boolean {
    const { cells } = this.#state.memory;
    const at = cell + CELL.classes + (classIndex >> 5);
    const bit = 1 << (classIndex & 31);
    const before = cells[at] ?? 0;
    cells[at] = before | bit;
    return (before & bit) === 0;
  }

  /** A set that policies look at holds more than before. */
  #grew(slot: number): void {
    const at = this.#state.pools[SESSION].word(slot) * 2 + CELL.view;
    this.#state.memory.cells[at] = (this.#state.memory.cells[at] ?? 0) + 1;
    this.#changed(slot);
    this.#state.need(SESSION, slot);
  }

  /** Something that policies see is not as before. */
  #changed(slot: number): void {
    this.#state.touch(SESSION, slot);
    this.#state.revise(slot);
  }
}
