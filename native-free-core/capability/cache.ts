import { LRUCache } from 'lru-cache';
import { MAX_TOKEN_BYTES } from './compact.ts';
import type { TokenHandle } from './token-handle.ts';

/**
 * Verified tokens by the SHA-256 of their text, least recently used first to leave.
 *
 * INVARIANT: only a token whose signature and claims were verified is ever put in, so a flood of bad ones evicts nothing.
 */
export class TokenCache {
  readonly #entries: LRUCache<string, TokenHandle>;
  readonly #sha256Hex: (text: string) => string;

  constructor(maxEntries: number, sha256Hex: (text: string) => string) {
    this.#entries = new LRUCache({ max: maxEntries });
    this.#sha256Hex = sha256Hex;
  }

  /** The digest of a token's text; undefined where the text is longer than 8 KiB. */
  keyOf(token: string): string | undefined {
    return token.length > MAX_TOKEN_BYTES ? undefined : this.#sha256Hex(token);
  }

  /** Never an entry whose `exp` has come. */
  get(key: string, nowS: number): TokenHandle | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (nowS < entry.capability.claims.exp) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  put(key: string, handle: TokenHandle): void {
    this.#entries.set(key, handle);
  }

  /** Drops every token that was verified with that key. */
  dropKey(kid: string): void {
    // A copy: deleting while the cache itself is walked would skip entries.
    for (const [key, { value }] of this.#entries.dump()) {
      if (value.kid === kid) this.#entries.delete(key);
    }
  }

  get size(): number {
    return this.#entries.size;
  }
}
