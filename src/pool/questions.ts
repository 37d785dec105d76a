/** A question that gets one answer, over a port. */
export interface Question<Q> {
  readonly type: 'question';
  readonly id: number;
  readonly question: Q;
}

export interface AnswerTo<A> {
  readonly type: 'answer';
  readonly id: number;
  readonly answer: A;
}

/**
 * Questions to another thread that wait for their answers. How many there may be is up to who asks; what waits when the
 * other side is gone gets `lost` as its answer.
 */
export class Questions<Q, A> {
  readonly #post: (message: Question<Q>) => void;
  readonly #lost: A;
  readonly #waiting = new Map<number, (answer: A) => void>();
  #nextId = 1;
  #isGone = false;

  /** @param lost what every question is answered with once the other side is gone */
  constructor(post: (message: Question<Q>) => void, lost: A) {
    this.#post = post;
    this.#lost = lost;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  ask(question: Q): Promise<A> {
    if (this.#isGone) return Promise.resolve(this.#lost);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#post({ type: 'question', id, question });
    });
  }

  answered({ id, answer }: AnswerTo<A>): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }

  gone(): void {
    this.#isGone = true;
    for (const resolve of this.#waiting.values()) resolve(this.#lost);
    this.#waiting.clear();
  }
}
