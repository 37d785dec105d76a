/**
 * Cuts one open stream, tunnel or socket of a session, at once and without waiting. May be called after the transport
 * ended.
 *
 * @param reason why the session was ended: a reason code
 */
export type Cut = (reason: string) => void;

const NOTHING = (): void => undefined;

/**
 * The open transports of every session, so that its end stops what is under way.
 *
 * A call can be allowed, lose its session to another one, and only then open what has to be cut. So ended sessions are
 * remembered, and what is attached to one is cut there and then. The last `maxEnded` of them are: that moment is short,
 * and a session does not begin again.
 *
 * INVARIANT: an entry exists only while its transport is open; whoever attaches detaches.
 */
export class OpenTransports {
  readonly #bySession = new Map<string, Set<Cut>>();
  /** Reasons by session, in the order in which they ended. */
  readonly #ended = new Map<string, string>();
  readonly #maxEnded: number;

  constructor(maxEnded = 4096) {
    this.#maxEnded = maxEnded;
  }

  /**
   * Registers a transport, one `cut` each. To an ended session nothing is attached: `cut` is called before this returns.
   *
   * @returns what to call once the transport ended by itself
   */
  attach(sessionKey: string, cut: Cut): () => void {
    const reason = this.#ended.get(sessionKey);
    if (reason !== undefined) {
      tryCut(cut, reason);
      return NOTHING;
    }
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

  /**
   * Cuts everything the session has open, and whatever is attached to it later. One that cannot be cut does not save
   * the others.
   *
   * @param reason a reason code; that of the first end stays
   * @returns how many transports were cut
   */
  end(sessionKey: string, reason: string): number {
    this.#remember(sessionKey, reason);
    const cuts = this.#bySession.get(sessionKey);
    if (cuts === undefined) return 0;
    this.#bySession.delete(sessionKey);
    const all = [...cuts];
    for (const cut of all) tryCut(cut, reason);
    return all.length;
  }

  #remember(sessionKey: string, reason: string): void {
    if (this.#ended.has(sessionKey)) return;
    this.#ended.set(sessionKey, reason);
    if (this.#ended.size <= this.#maxEnded) return;
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest);
      return;
    }
  }
}

function tryCut(cut: Cut, reason: string): void {
  try {
    cut(reason);
  } catch {
    // Its own fault; nobody waits for it here.
  }
}
