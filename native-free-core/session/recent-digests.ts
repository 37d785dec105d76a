const MAX_DIGESTS = 1024;

/** The digests of calls that a session made under an idempotency key, at most 1,024, the oldest out. */
export class RecentDigests {
  readonly #digests = new Set<string>();

  has(digest: string): boolean {
    return this.#digests.has(digest);
  }

  /** @returns false where it is there already */
  add(digest: string): boolean {
    if (this.#digests.has(digest)) return false;
    if (this.#digests.size >= MAX_DIGESTS) {
      const [oldest] = this.#digests;
      if (oldest !== undefined) this.#digests.delete(oldest);
    }
    this.#digests.add(digest);
    return true;
  }
}
