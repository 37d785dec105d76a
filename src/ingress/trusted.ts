import { BlockList, isIP } from 'node:net';

const MAX_KNOWN = 1024;

/** The networks of `ingress.trusted`. An address of IPv4 that came as one of IPv6 (`::ffff:…`) counts as IPv4. */
export class TrustedPeers {
  readonly #networks = new BlockList();
  /** Answers by address: few peers ask many times. */
  readonly #known = new Map<string, boolean>();
  readonly #isEmpty: boolean;

  /** @param networks address, slash, prefix length; checked with the configuration */
  constructor(networks: readonly string[]) {
    this.#isEmpty = networks.length === 0;
    for (const network of networks) {
      const [address = '', bits = ''] = network.split('/');
      this.#networks.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
    }
  }

  /** @param address in text form; empty where it is not known, which is nobody's */
  has(address: string): boolean {
    if (this.#isEmpty || address === '') return false;
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const family = isIP(address);
    const isTrusted = family !== 0 && this.#networks.check(address, family === 6 ? 'ipv6' : 'ipv4');
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(address, isTrusted);
    return isTrusted;
  }
}
