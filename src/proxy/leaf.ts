import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { CertificateAuthority } from './ca.ts';

const DAY_MS = 86_400_000;
const CLOCK_SLACK_MS = DAY_MS;
const LIFETIME_MS = 7 * DAY_MS;
const RENEW_BEFORE_END_MS = DAY_MS;

interface Leaf {
  readonly context: Promise<SecureContext>;
  readonly renewAtMs: number;
}

export interface LeafOptions {
  /** Hosts kept; the one used longest ago goes first. */
  readonly maxLeaves?: number;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/**
 * The TLS contexts that stand in for upstream hosts, one a host, at most `maxLeaves`.
 *
 * One key pair serves all of a run (a new one costs 6 ms), a certificate is signed when a host is first asked for.
 * Calls that come while it is being signed wait for that one.
 */
export class LeafCache {
  readonly #ca: CertificateAuthority;
  readonly #maxLeaves: number;
  readonly #now: () => number;
  readonly #publicKey: KeyObject;
  readonly #privateKeyPem: string;
  readonly #leaves = new Map<string, Leaf>();
  #signed = 0;

  constructor(ca: CertificateAuthority, { maxLeaves = 1000, now = Date.now }: LeafOptions = {}) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    this.#ca = ca;
    this.#maxLeaves = maxLeaves;
    this.#now = now;
    this.#publicKey = publicKey;
    this.#privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  }

  /** Certificates signed so far: misses of the cache. */
  get signed(): number {
    return this.#signed;
  }

  get size(): number {
    return this.#leaves.size;
  }

  /** @param host lower-case A-label or an address without brackets */
  contextFor(host: string): Promise<SecureContext> {
    const nowMs = this.#now();
    const known = this.#leaves.get(host);
    this.#leaves.delete(host);
    const leaf = known !== undefined && nowMs < known.renewAtMs ? known : this.#mint(host, nowMs);
    this.#leaves.set(host, leaf);
    if (this.#leaves.size > this.#maxLeaves) {
      const oldest = this.#leaves.keys().next();
      if (oldest.done !== true) this.#leaves.delete(oldest.value);
    }
    return leaf.context;
  }

  #mint(host: string, nowMs: number): Leaf {
    const leaf: Leaf = {
      context: this.#sign(host, nowMs),
      renewAtMs: nowMs + LIFETIME_MS - RENEW_BEFORE_END_MS,
    };
    leaf.context.catch(() => {
      // The next call tries again.
      if (this.#leaves.get(host) === leaf) this.#leaves.delete(host);
    });
    return leaf;
  }

  async #sign(host: string, nowMs: number): Promise<SecureContext> {
    this.#signed += 1;
    const cert = await this.#ca.signLeaf(host, this.#publicKey, {
      fromMs: nowMs - CLOCK_SLACK_MS,
      toMs: nowMs + LIFETIME_MS,
    });
    return createSecureContext({ key: this.#privateKeyPem, cert, minVersion: 'TLSv1.2' });
  }
}
