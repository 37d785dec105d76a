import { type Answer, errorAnswer, type IngressHandler, type IngressRequest } from './port.ts';

/** A pause for garbage is shorter. */
const MAX_TURN_MS = 50;
/** A turn with fewer requests was long for another reason: this thread had to wait for a processor. */
const MIN_REQUESTS = 256;

/**
 * Refuses at once what would have to wait: one turn of the event loop hands out every request that has arrived, and those
 * behind 50 ms of deciding, and 256 requests, are answered OVERLOADED, so that the queue in front of a thread cannot grow.
 */
export class OverloadGuard implements IngressHandler {
  readonly #handler: IngressHandler;
  readonly #nowMs: () => number;
  readonly #atTurnEnd: (callback: () => void) => void;
  readonly #endTurn = (): void => {
    this.#isInTurn = false;
  };
  readonly #onRefused: () => void;
  #isInTurn = false;
  #startedMs = 0;
  #handled = 0;

  /**
   * @param onRefused told of each
   * @param atTurnEnd calls back once no more requests of this turn will come
   */
  constructor(
    handler: IngressHandler,
    onRefused: () => void = () => {},
    nowMs: () => number = () => performance.now(),
    atTurnEnd: (callback: () => void) => void = setImmediate,
  ) {
    this.#handler = handler;
    this.#onRefused = onRefused;
    this.#nowMs = nowMs;
    this.#atTurnEnd = atTurnEnd;
  }

  handle(request: IngressRequest): Answer | Promise<Answer> {
    const now = this.#nowMs();
    if (!this.#isInTurn) {
      this.#isInTurn = true;
      this.#startedMs = now;
      this.#handled = 0;
      this.#atTurnEnd(this.#endTurn);
    } else if (this.#handled >= MIN_REQUESTS && now - this.#startedMs > MAX_TURN_MS) {
      this.#onRefused();
      return errorAnswer(503, 'OVERLOADED', 'more calls arrive than can be decided; try again');
    }
    this.#handled += 1;
    return this.#handler.handle(request);
  }
}
