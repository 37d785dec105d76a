const MAX_DIGESTS = 64;
/** Hexadecimal digits that are kept of a digest: 128 bits. */
const KEPT_DIGITS = 32;

/** When the calls that a session made under an idempotency key were charged last: 64 of them, the oldest out. */
export class RecentDigests {
  readonly #chargedMs = new Map<string, number>();

  /** Milliseconds since a call of that digest was charged; -1 where none is known. */
  age(header: string, digest: string, nowMs: number): number {
    const chargedMs = this.#chargedMs.get(keyOf(header, digest));
    return chargedMs === undefined ? -1 : Math.max(0, nowMs - chargedMs);
  }

  charged(header: string, digest: string, nowMs: number): void {
    const key = keyOf(header, digest);
    this.#chargedMs.delete(key);
    if (this.#chargedMs.size >= MAX_DIGESTS) {
      const [oldest] = this.#chargedMs.keys();
      if (oldest !== undefined) this.#chargedMs.delete(oldest);
    }
    this.#chargedMs.set(key, nowMs);
  }
}

/** The same key in another header is another key. */
function keyOf(header: string, digest: string): string {
  return `${header} ${digest.slice(0, KEPT_DIGITS)}`;
}
