import type { MessagePort } from 'node:worker_threads';
import type { Batch } from './messages.ts';

/** Most items one message carries. */
export const MAX_BATCH = 64;

/**
 * Collects what one turn of the event loop wants to send and posts it as one message of at most 64 items: a hop
 * between threads costs about as much as a decision, so it is shared.
 */
export class Batcher<T> {
  readonly #port: MessagePort;
  #ids: number[] = [];
  #items: T[] = [];
  #scheduled = false;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** The item leaves with this turn of the event loop; earlier where the batch is full. */
  send(id: number, item: T): void {
    this.#ids.push(id);
    this.#items.push(item);
    if (this.#ids.length >= MAX_BATCH) {
      this.#flush();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
  }

  #flush(): void {
    if (this.#ids.length === 0) return;
    const batch: Batch<T> = { type: 'batch', ids: this.#ids, items: this.#items };
    this.#ids = [];
    this.#items = [];
    this.#port.postMessage(batch, []);
  }
}
