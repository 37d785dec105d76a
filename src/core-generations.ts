import type { InForce } from '@firma/core';
import { type OpenedCore, openCore, type ThreadCore } from './core-in-force.ts';

/**
 * The cores of one thread beside the main one: that in force, and the next one where it is linked already. Both orders come
 * from the main thread, which sees to it that every thread has the next one before any decides with it.
 */
export class CoreGenerations {
  readonly #linked: (generation: number) => void;
  readonly #begun: Promise<void>;
  #begin: () => void = () => {};
  #replace: (inForce: InForce) => void = () => {};
  #current: OpenedCore | undefined;
  #next: { readonly generation: number; readonly opening: Promise<OpenedCore> } | undefined;

  /** @param linked told once a core may be put in force */
  constructor(linked: (generation: number) => void) {
    this.#linked = linked;
    this.#begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
  }

  /** The thread decides from now on. */
  begin(opened: OpenedCore, replace: (inForce: InForce) => void): void {
    this.#current = opened;
    this.#replace = replace;
    this.#begin();
  }

  /** Links a core. One that was linked before and never put in force is dropped. */
  link(generation: number, core: ThreadCore): void {
    this.#drop();
    const opening = openCore(core);
    this.#next = { generation, opening };
    void Promise.all([opening, this.#begun]).then(
      () => this.#linked(generation),
      // The main thread waits in vain, and puts nothing in force.
      () => {},
    );
  }

  /** Puts the core of that generation in force: at once where it is linked. */
  async activate(generation: number): Promise<void> {
    const next = this.#next;
    if (next?.generation !== generation) return;
    const opened = await next.opening;
    await this.#begun;
    // Another one was ordered meanwhile, and this one dropped.
    if (this.#next !== next) return;
    this.#next = undefined;
    const before = this.#current;
    this.#current = opened;
    this.#replace(opened.inForce);
    await before?.engine.close();
  }

  async close(): Promise<void> {
    this.#drop();
    await this.#current?.engine.close();
  }

  #drop(): void {
    const next = this.#next;
    this.#next = undefined;
    void next?.opening.then(
      ({ engine }) => engine.close(),
      () => {},
    );
  }
}
