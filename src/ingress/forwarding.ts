import type { MessagePort } from 'node:worker_threads';
import { Batcher } from '../pool/batcher.ts';
import type { Batch } from '../pool/messages.ts';
import { type Answer, errorAnswer, type IngressHandler } from './port.ts';

const MAX_IN_FLIGHT = 1024;
const ANSWER_TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MS = 1_000;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly deadlineMs: number;
}

function overloaded(message: string): Answer {
  return errorAnswer(503, 'OVERLOADED', message);
}

/**
 * The ingress worker's handler: sends each body to the thread that decides and waits for its answer.
 *
 * Session state is in that thread, and budgets need one truth. At most 1024 calls are under way and none is waited
 * for longer than 10 seconds: beyond that nobody decided, which is 503 and no permission.
 */
export class ForwardingHandler implements IngressHandler {
  readonly #batcher: Batcher<Uint8Array>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #check: NodeJS.Timeout;
  #nextId = 1;

  constructor(port: MessagePort) {
    this.#batcher = new Batcher(port);
    this.#check = setInterval(() => this.#expire(performance.now()), CHECK_INTERVAL_MS).unref();
  }

  decide(body: Uint8Array): Promise<Answer> {
    if (this.#waiting.size >= MAX_IN_FLIGHT) {
      return Promise.resolve(overloaded(`${MAX_IN_FLIGHT} calls are being decided`));
    }
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, { resolve, deadlineMs: performance.now() + ANSWER_TIMEOUT_MS });
      this.#batcher.send(id, body);
    });
  }

  answered(batch: Batch<Answer>): void {
    for (let i = 0; i < batch.ids.length; i++) {
      const answer = batch.items[i];
      if (answer !== undefined) this.#settle(batch.ids[i] ?? 0, answer);
    }
  }

  close(): void {
    clearInterval(this.#check);
    for (const id of this.#waiting.keys()) this.#settle(id, overloaded('the ingress is closing'));
  }

  #settle(id: number, answer: Answer): void {
    this.#waiting.get(id)?.resolve(answer);
    this.#waiting.delete(id);
  }

  // Oldest first: the map keeps the order in which calls came.
  #expire(nowMs: number): void {
    for (const [id, { deadlineMs }] of this.#waiting) {
      if (deadlineMs > nowMs) return;
      this.#settle(id, overloaded('no decision was made in time'));
    }
  }
}
