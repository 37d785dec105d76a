import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A session the proxy knows by its own credential. The token never leaves the sidecar. */
export interface KnownSession {
  readonly sid: string;
  readonly sub: string;
  /** The one in force: a renewal replaces it under whoever holds this object. */
  readonly token: string;
  /** What its state and its open transports hang on: `sessionKey` of the token's capability. */
  readonly sessionKey: string;
}

/** What an agent gets: it names the session and opens nothing else. */
export interface ProxyCredential {
  readonly user: string;
  readonly password: string;
}

interface Entry {
  readonly session: { -readonly [Name in keyof KnownSession]: KnownSession[Name] };
  readonly passwordDigest: Buffer;
}

const MAX_HEADER_CHARS = 512;

function digest(password: string): Buffer {
  return createHash('sha256').update(password).digest();
}

/**
 * The sessions a proxy credential may name, at most `maxSessions`.
 *
 * The user part finds the entry, the password is compared by digest in constant time, so neither an entry's
 * existence nor a password's prefix shows in the time an answer takes.
 */
export class SessionDirectory {
  readonly #entries = new Map<string, Entry>();
  readonly #maxSessions: number;
  // Compared against where the user is unknown, so that both cases cost the same.
  readonly #nobody = digest(randomBytes(16).toString('base64url'));

  constructor(maxSessions = 10_000) {
    this.#maxSessions = maxSessions;
  }

  /** @returns undefined where the directory is full */
  open(session: KnownSession): ProxyCredential | undefined {
    if (this.#entries.size >= this.#maxSessions) return undefined;
    const user = randomBytes(9).toString('base64url');
    const password = randomBytes(24).toString('base64url');
    this.#entries.set(user, { session: { ...session }, passwordDigest: digest(password) });
    return { user, password };
  }

  renew(user: string, token: string): void {
    const entry = this.#entries.get(user);
    if (entry !== undefined) entry.session.token = token;
  }

  close(user: string): void {
    this.#entries.delete(user);
  }

  /** The session named by a `Proxy-Authorization: Basic …` value, or undefined. */
  authenticate(header: string | undefined): KnownSession | undefined {
    if (header === undefined || header.length > MAX_HEADER_CHARS) return undefined;
    if (header.slice(0, 6).toLowerCase() !== 'basic ') return undefined;
    const text = Buffer.from(header.slice(6).trim(), 'base64').toString('latin1');
    const colon = text.indexOf(':');
    if (colon < 0) return undefined;
    const entry = this.#entries.get(text.slice(0, colon));
    const same = timingSafeEqual(digest(text.slice(colon + 1)), entry?.passwordDigest ?? this.#nobody);
    return same ? entry?.session : undefined;
  }
}
