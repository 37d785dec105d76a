import type { Claims } from './claims.ts';

/** Everything revoked, as the Authority publishes it. */
export interface RevocationList {
  /** Grows with every change of the list. */
  readonly sequence: number;
  readonly jti: readonly string[];
  readonly sid: readonly string[];
  readonly sub: readonly string[];
}

export type RevocationOutcome = 'replaced' | 'older' | 'too-large';

/**
 * The revocations in force, asked on every call.
 *
 * Neither the sequence nor the moment the list was true of goes back, so an old list played again
 * un-revokes nothing and makes nothing look fresher. A list that is not taken leaves the age growing,
 * and the caller denies with `REVOCATIONS_STALE`.
 */
export class RevocationSet {
  readonly #maxEntries: number;
  #sequence = -1;
  #asOfS = -Infinity;
  #jti: ReadonlySet<string> = new Set();
  #sid: ReadonlySet<string> = new Set();
  #sub: ReadonlySet<string> = new Set();

  constructor(maxEntries = 100_000) {
    this.#maxEntries = maxEntries;
  }

  /**
   * @param asOfS when the Authority said so, in Unix seconds: its signed statement of time, or the clock where it is embedded
   */
  replace(list: RevocationList, asOfS: number): RevocationOutcome {
    if (!Number.isSafeInteger(list.sequence) || list.sequence < this.#sequence) return 'older';
    if (list.jti.length + list.sid.length + list.sub.length > this.#maxEntries) return 'too-large';
    // The same sequence is the same list: only its age is new.
    if (list.sequence > this.#sequence) {
      this.#sequence = list.sequence;
      this.#jti = new Set(list.jti);
      this.#sid = new Set(list.sid);
      this.#sub = new Set(list.sub);
    }
    if (asOfS > this.#asOfS) this.#asOfS = asOfS;
    return 'replaced';
  }

  isRevoked(claims: Claims): boolean {
    return this.#jti.has(claims.jti) || this.#sid.has(claims.sid) || this.#sub.has(claims.sub);
  }

  /** Seconds since the list was known to be true; Infinity before the first. */
  ageS(nowS: number): number {
    return Math.max(0, nowS - this.#asOfS);
  }

  /** -1 before the first list. */
  get sequence(): number {
    return this.#sequence;
  }
}
