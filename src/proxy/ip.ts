import { isIP } from 'node:net';

/** An address block; compared bit by bit with addresses of the same length. */
export interface Prefix {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

function ipv4Bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split('.'), Number);
}

function ipv6Groups(text: string): number[] {
  if (text === '') return [];
  const groups: number[] = [];
  for (const part of text.split(':')) {
    if (part.includes('.')) {
      const [a = 0, b = 0, c = 0, d = 0] = ipv4Bytes(part);
      groups.push((a << 8) | b, (c << 8) | d);
    } else {
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/** The 4 or 16 octets of an address in text form, or undefined where it is none. A zone index is not part of them. */
export function addressBytes(text: string): Uint8Array | undefined {
  const version = isIP(text);
  if (version === 0) return undefined;
  if (version === 4) return ipv4Bytes(text);
  const [plain = ''] = text.split('%');
  const [left = '', right] = plain.split('::');
  const head = ipv6Groups(left);
  const tail = right === undefined ? [] : ipv6Groups(right);
  const groups = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** Parses `address/bits`; undefined where it is none. */
export function parsePrefix(cidr: string): Prefix | undefined {
  const slash = cidr.indexOf('/');
  const bytes = slash < 0 ? undefined : addressBytes(cidr.slice(0, slash));
  const digits = cidr.slice(slash + 1);
  if (bytes === undefined || !/^[0-9]{1,3}$/.test(digits)) return undefined;
  const bits = Number(digits);
  return bits <= bytes.length * 8 ? { bytes, bits } : undefined;
}

export function prefixHolds(prefix: Prefix, address: Uint8Array): boolean {
  if (prefix.bytes.length !== address.length) return false;
  const whole = prefix.bits >> 3;
  for (let i = 0; i < whole; i += 1) if (prefix.bytes[i] !== address[i]) return false;
  const rest = prefix.bits & 7;
  if (rest === 0) return true;
  const differing = (prefix.bytes[whole] ?? 0) ^ (address[whole] ?? 0);
  return differing >> (8 - rest) === 0;
}

function prefixes(...cidrs: readonly string[]): readonly Prefix[] {
  return cidrs.map((cidr) => {
    const prefix = parsePrefix(cidr);
    if (prefix === undefined) throw new TypeError(`\`${cidr}\` is no prefix`);
    return prefix;
  });
}

// IANA IPv4 Special-Purpose Address Registry, the blocks that are not globally reachable, and multicast.
const IPV4_SPECIAL = prefixes(
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
);

// Global unicast; everything outside it is loopback, link-local, unique-local, multicast or unassigned.
const [IPV6_GLOBAL] = prefixes('2000::/3');

// IANA IPv6 Special-Purpose Address Registry inside it: protocol assignments (Teredo, benchmarking, ORCHID),
// documentation, 6to4. The few reachable /32 and /48 of the first block serve no API.
const IPV6_SPECIAL = prefixes('2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20');

// An IPv4 address in its last four octets: IPv4-mapped, and the well-known NAT64 prefix (RFC 6052).
const IPV4_EMBEDDED = prefixes('::ffff:0:0/96', '64:ff9b::/96');

/** The IPv4 address an IPv6 address stands for; any other address as it is. */
export function unpackIpv4(address: Uint8Array): Uint8Array {
  const embedded = IPV4_EMBEDDED.some((prefix) => prefixHolds(prefix, address));
  return embedded ? address.subarray(12) : address;
}

/**
 * Whether anybody on the Internet may reach the address: false for loopback, private, link-local, shared,
 * documentation, benchmarking, multicast, reserved and tunnelled ones (IANA's special-purpose registries, RFC 6890).
 */
export function isGloballyReachable(address: Uint8Array): boolean {
  const plain = unpackIpv4(address);
  if (plain.length === 4) return !IPV4_SPECIAL.some((prefix) => prefixHolds(prefix, plain));
  if (IPV6_GLOBAL === undefined || !prefixHolds(IPV6_GLOBAL, plain)) return false;
  return !IPV6_SPECIAL.some((prefix) => prefixHolds(prefix, plain));
}
