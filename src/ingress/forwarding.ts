import type { MessagePort } from 'node:worker_threads';
import { Batcher } from '../pool/batcher.ts';
import type { Batch } from '../pool/messages.ts';
import { type Answer, errorAnswer, type IngressHandler, type IngressRequest } from './port.ts';

/** Of one thread that decides. */
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

/** A thread that decides, and what it was asked. */
class Peer {
  readonly #port: MessagePort;
  readonly #batcher: Batcher<IngressRequest>;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  constructor(port: MessagePort) {
    this.#port = port;
    this.#batcher = new Batcher(port);
    port.on('message', ({ ids, items }: Batch<Answer>) => {
      for (let i = 0; i < ids.length; i++) {
        const answer = items[i];
        if (answer !== undefined) this.#settle(ids[i] ?? 0, answer);
      }
    });
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  ask(request: IngressRequest): Promise<Answer> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, { resolve, deadlineMs: performance.now() + ANSWER_TIMEOUT_MS });
      this.#batcher.send(id, request);
    });
  }

  /** Oldest first: the map keeps the order in which calls came. */
  expire(nowMs: number): void {
    for (const [id, { deadlineMs }] of this.#waiting) {
      if (deadlineMs > nowMs) return;
      this.#settle(id, overloaded('no decision was made in time'));
    }
  }

  close(why: string): void {
    this.#port.close();
    for (const id of this.#waiting.keys()) this.#settle(id, overloaded(why));
  }

  #settle(id: number, answer: Answer): void {
    this.#waiting.get(id)?.resolve(answer);
    this.#waiting.delete(id);
  }
}

/**
 * The handler of a thread that listens and does not decide: sends each request whole to the deciding thread that has the
 * fewest, and waits for its answer.
 *
 * A thread has at most 1,024 requests and none is waited for longer than 10 seconds: beyond that, and where a thread
 * ends, nobody decided, which is 503 and no permission.
 */
export class ForwardingHandler implements IngressHandler {
  readonly #peers = new Set<Peer>();
  readonly #check: NodeJS.Timeout;

  constructor() {
    this.#check = setInterval(() => {
      const now = performance.now();
      for (const peer of this.#peers) peer.expire(now);
    }, CHECK_INTERVAL_MS).unref();
  }

  /** A thread that decides, until its end of the channel closes. */
  add(port: MessagePort): void {
    const peer = new Peer(port);
    this.#peers.add(peer);
    port.on('close', () => {
      this.#peers.delete(peer);
      peer.close('the thread that decided has ended');
    });
  }

  handle(request: IngressRequest): Answer | Promise<Answer> {
    let freest: Peer | undefined;
    for (const peer of this.#peers) {
      if (freest === undefined || peer.waiting < freest.waiting) freest = peer;
    }
    if (freest === undefined) return overloaded('no thread decides now');
    if (freest.waiting >= MAX_IN_FLIGHT) return overloaded('too many requests are being decided');
    return freest.ask(request);
  }

  close(): void {
    clearInterval(this.#check);
    for (const peer of this.#peers) peer.close('the decision API is closing');
    this.#peers.clear();
  }
}

/** The other end: answers what a listening thread sends. */
export function answerPeer(port: MessagePort, handler: IngressHandler): void {
  const batcher = new Batcher<Answer>(port);
  port.on('message', ({ ids, items }: Batch<IngressRequest>) => {
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      const request = items[i];
      if (id === undefined || request === undefined) continue;
      const answer = handler.handle(request);
      if (answer instanceof Promise) void answer.then((late) => batcher.send(id, late));
      else batcher.send(id, answer);
    }
  });
}
