import { type LookupAddress, promises as dns } from 'node:dns';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ConfigInvalid } from '@firma/core';
import type { DestinationConfig } from '../config/config.ts';
import { type Failure, upstreamFailure } from './failure.ts';
import {
  addressBytes,
  isGloballyReachable,
  parsePrefix,
  type Prefix,
  prefixHolds,
  unpackIpv4,
} from './ip.ts';

/** The addresses of a name, in the order to try them. */
export type Resolve = (name: string) => Promise<readonly LookupAddress[]>;

/** Where a host may be dialled: at least one address, each of them checked. */
export type Located =
  | { readonly ok: true; readonly addresses: readonly LookupAddress[] }
  | { readonly ok: false; readonly failure: Failure };

export interface DestinationOptions {
  readonly destinations: readonly DestinationConfig[];
  /** A look-up that takes longer is given up. */
  readonly timeoutMs: number;
  readonly resolve?: Resolve;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** Names kept. */
  readonly maxNames?: number;
}

interface Opening {
  readonly host: string;
  readonly prefix: Prefix;
}

interface Entry {
  readonly located: Promise<Located>;
  readonly untilMs: number;
}

/** Long enough that a burst of calls asks once, short enough that a changed address is noticed. */
const KEEP_MS = 5000;

function systemResolve(name: string): Promise<readonly LookupAddress[]> {
  return dns.lookup(name, { all: true, verbatim: true });
}

function ownAddresses(): readonly Uint8Array[] {
  const own: Uint8Array[] = [];
  for (const list of Object.values(networkInterfaces())) {
    for (const { address } of list ?? []) {
      const bytes = addressBytes(address);
      if (bytes !== undefined) own.push(unpackIpv4(bytes));
    }
  }
  return own;
}

function hostMatches(pattern: string, host: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;
}

/**
 * Turns hosts of allowed calls into addresses that may be dialled (semantics §4, "After ALLOW").
 *
 * Only globally reachable addresses, and never one of this machine's own, unless `[[sidecar.destinations]]` opens it
 * for that host. INVARIANT: an address that is dialled went through `locate`.
 */
export class Destinations {
  readonly #openings: readonly Opening[];
  readonly #timeoutMs: number;
  readonly #resolve: Resolve;
  readonly #now: () => number;
  readonly #maxNames: number;
  readonly #names = new Map<string, Entry>();

  /** @throws ConfigInvalid where a `cidr` is none */
  constructor(options: DestinationOptions) {
    this.#openings = options.destinations.map(({ host, cidr }) => {
      const prefix = parsePrefix(cidr);
      if (prefix === undefined) {
        throw new ConfigInvalid(`\`${cidr}\` of the destination \`${host}\` is not written as address/bits`);
      }
      return { host: host.toLowerCase(), prefix };
    });
    this.#timeoutMs = options.timeoutMs;
    this.#resolve = options.resolve ?? systemResolve;
    this.#now = options.now ?? (() => performance.now());
    this.#maxNames = options.maxNames ?? 1000;
  }

  /**
   * The checked addresses of a host, looked up now or within the last five seconds.
   *
   * @param host of an allowed call: canonical, an IP literal without brackets
   */
  locate(host: string): Promise<Located> {
    const nowMs = this.#now();
    const known = this.#names.get(host);
    if (known !== undefined && nowMs < known.untilMs) return known.located;
    this.#names.delete(host);
    const located = this.#locate(host);
    const entry = { located, untilMs: nowMs + KEEP_MS };
    this.#names.set(host, entry);
    if (this.#names.size > this.#maxNames) {
      const oldest = this.#names.keys().next();
      if (oldest.done !== true) this.#names.delete(oldest.value);
    }
    void this.#forgetFailure(host, entry);
    return located;
  }

  /** A failure is told to those who wait for it, not remembered. */
  async #forgetFailure(host: string, entry: Entry): Promise<void> {
    const { ok } = await entry.located;
    if (!ok && this.#names.get(host) === entry) this.#names.delete(host);
  }

  async #locate(host: string): Promise<Located> {
    const literal = isIP(host);
    let found: readonly LookupAddress[];
    try {
      found = literal === 0 ? await this.#lookUp(host) : [{ address: host, family: literal }];
    } catch (error) {
      return { ok: false, failure: upstreamFailure(error, host) };
    }
    const own = ownAddresses();
    const addresses = found.filter(({ address }) => this.#permits(host, address, own));
    if (addresses.length > 0) return { ok: true, addresses };
    // The addresses themselves stay unsaid: they may be the inside of somebody's network.
    const detail = `\`${host}\` leads to no address that may be reached; a private one needs [[sidecar.destinations]]`;
    return { ok: false, failure: { reason: 'DESTINATION_FORBIDDEN', detail } };
  }

  async #lookUp(name: string): Promise<readonly LookupAddress[]> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(Object.assign(new Error('look-up timed out'), { code: 'ETIMEDOUT' }));
      }, this.#timeoutMs);
    });
    try {
      return await Promise.race([this.#resolve(name), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #permits(host: string, address: string, own: readonly Uint8Array[]): boolean {
    const bytes = addressBytes(address);
    if (bytes === undefined) return false;
    const plain = unpackIpv4(bytes);
    const opened = this.#openings.some(
      (opening) => hostMatches(opening.host, host) && prefixHolds(opening.prefix, plain),
    );
    if (opened) return true;
    return isGloballyReachable(plain) && !own.some((mine) => Buffer.compare(mine, plain) === 0);
  }
}
