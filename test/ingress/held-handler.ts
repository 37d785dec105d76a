import { createHash } from 'node:crypto';
import type { Answer, IngressHandler } from '../../src/ingress/port.ts';

/** A handler whose answers a test can hold back. It answers with what it got. */
export class HeldHandler implements IngressHandler {
  readonly bodies: string[] = [];
  #held: (() => void)[] | undefined;
  #arrived: (() => void) | undefined;

  reset(): void {
    this.release();
    this.bodies.length = 0;
  }

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

  decide(body: Uint8Array): Promise<Answer> {
    const text = Buffer.from(body).toString('latin1');
    this.bodies.push(text);
    const answer: Answer =
      text === '"overload"'
        ? { status: 503, body: '{}' }
        : { status: 200, body: JSON.stringify({ got: createHash('sha256').update(body).digest('hex') }) };
    const held = this.#held;
    if (held === undefined) return Promise.resolve(answer);
    return new Promise((resolve) => {
      held.push(() => resolve(answer));
      this.#arrived?.();
    });
  }
}
