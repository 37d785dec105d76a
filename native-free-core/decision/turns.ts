import type { SessionHandle } from '../session/table.ts';

/** A turn that was taken. */
export interface Turn {
  /** Lets the next one begin. Once. */
  end(): void;
}

/** Has calls of one session wait for one another. A session that nobody waits for is forgotten. */
export class Turns {
  readonly #last = new Map<SessionHandle, Promise<void>>();

  /** Resolves once every turn of that session taken before has ended. */
  async take(session: SessionHandle): Promise<Turn> {
    const before = this.#last.get(session);
    let resolve = (): void => undefined;
    const ended = new Promise<void>((done) => {
      resolve = done;
    });
    this.#last.set(session, ended);
    await before;
    return {
      end: () => {
        if (this.#last.get(session) === ended) this.#last.delete(session);
        resolve();
      },
    };
  }
}
