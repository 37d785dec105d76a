import { createHash } from 'node:crypto';
import {
  type Answer,
  errorAnswer,
  type IngressHandler,
  type IngressRequest,
} from '../../src/ingress/port.ts';

/** A handler whose answers a test can hold back. It answers with what it got. */
export class HeldHandler implements IngressHandler {
  readonly requests: IngressRequest[] = [];
  #held: (() => void)[] | undefined;
  #arrived: (() => void) | undefined;

  /** Of the requests that have one, byte by byte. */
  get bodies(): string[] {
    const texts = this.requests.map(({ body }) => Buffer.from(body).toString('latin1'));
    return texts.filter((text) => text !== '');
  }

  reset(): void {
    this.release();
    this.requests.length = 0;
  }

  /** @returns once a request has arrived whose answer is held back */
  hold(): Promise<void> {
    this.#held = [];
    return new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const answer of held) answer();
  }

  handle(request: IngressRequest): Answer | Promise<Answer> {
    if (request.target.startsWith('/healthz')) return { status: 200, body: '{"status":"ok"}' };
    this.requests.push(request);
    const answer = this.#answerTo(request);
    const held = this.#held;
    if (held === undefined) return answer;
    return new Promise((resolve) => {
      held.push(() => resolve(answer));
      this.#arrived?.();
    });
  }

  #answerTo({ body, target }: IngressRequest): Answer {
    if (Buffer.from(body).toString() === '"overload"') return errorAnswer(503, 'OVERLOADED', 'as told');
    if (target === '/metrics') return { status: 200, body: 'a 1\n', contentType: 'text/plain' };
    const headers = [['x-firma-outcome', 'ALLOW']] as const;
    return {
      status: 200,
      body: JSON.stringify({ got: createHash('sha256').update(body).digest('hex') }),
      headers,
    };
  }
}
