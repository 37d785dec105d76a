/** Cuts one open stream, tunnel or socket of a session. Must not throw, may be called after the transport ended. */
export type Cut = () => void;

/**
 * The open transports of every session, so that an ABORT stops what is under way.
 *
 * INVARIANT: an entry exists only while its transport is open; whoever attaches detaches.
 */
export class OpenTransports {
  readonly #bySession = new Map<string, Set<Cut>>();

  /** @returns what to call once the transport ended by itself */
  attach(sessionKey: string, cut: Cut): () => void {
    let cuts = this.#bySession.get(sessionKey);
    if (cuts === undefined) {
      cuts = new Set();
      this.#bySession.set(sessionKey, cuts);
    }
    const open = cuts;
    open.add(cut);
    return () => {
      open.delete(cut);
      if (open.size === 0 && this.#bySession.get(sessionKey) === open) this.#bySession.delete(sessionKey);
    };
  }

  /** Cuts everything the session has open. @returns how many transports were cut */
  end(sessionKey: string): number {
    const cuts = this.#bySession.get(sessionKey);
    if (cuts === undefined) return 0;
    this.#bySession.delete(sessionKey);
    for (const cut of cuts) cut();
    return cuts.size;
  }

  get openSessions(): number {
    return this.#bySession.size;
  }
}
