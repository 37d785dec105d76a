import { Extension } from '../value.ts';
import { afterDigits, fixedDigits } from './digits.ts';

/** That of an IPv6 address in full with a prefix of three digits. */
const MAX_CHARS = 43;
const GROUP_BITS = 16;
const V4_GROUPS = 2;
const V6_GROUPS = 8;

const POINT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;

/**
 * The number of one to three digits from `from` to `end`.
 *
 * @returns -1 where there are fewer or more, or a zero stands before others
 */
function shortNumber(text: string, from: number, end: number): number {
  const count = end - from;
  if (count < 1 || count > 3 || (count > 1 && text.charCodeAt(from) === ZERO)) return -1;
  return fixedDigits(text, from, count);
}

/** The two groups of a dotted IPv4 address, which must end at `end`. */
function readV4(text: string, end: number): number[] | undefined {
  let address = 0;
  let at = 0;
  for (let index = 0; index < 4; index += 1) {
    if (index > 0) {
      if (text.charCodeAt(at) !== POINT) return undefined;
      at += 1;
    }
    const after = afterDigits(text, at);
    const octet = shortNumber(text, at, after);
    if (octet < 0 || octet > 255) return undefined;
    address = address * 256 + octet;
    at = after;
  }
  return at === end ? [address >>> GROUP_BITS, address & 0xffff] : undefined;
}

/** @returns -1 for no hexadecimal digit */
function hexDigit(code: number): number {
  if (code >= ZERO && code <= 0x39) return code - ZERO;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

/** The eight groups of an IPv6 address, which must end at `end`. A `::` stands for at least one group. */
function readV6(text: string, end: number): number[] | undefined {
  const groups: number[] = [];
  let gap = -1;
  let at = 0;
  if (text.startsWith('::')) {
    gap = 0;
    at = 2;
  }
  while (at < end) {
    const start = at;
    let group = 0;
    while (at < end && at < start + 4) {
      const digit = hexDigit(text.charCodeAt(at));
      if (digit < 0) break;
      group = group * 16 + digit;
      at += 1;
    }
    if (at === start) return undefined;
    groups.push(group);
    if (at === end) break;
    if (text.charCodeAt(at) !== COLON) return undefined;
    at += 1;
    if (at === end) return undefined;
    if (text.charCodeAt(at) === COLON) {
      if (gap >= 0) return undefined;
      gap = groups.length;
      at += 1;
    }
  }
  if (gap < 0) return groups.length === V6_GROUPS ? groups : undefined;
  if (groups.length >= V6_GROUPS) return undefined;
  const full = [0, 0, 0, 0, 0, 0, 0, 0];
  for (const [index, group] of groups.entries()) {
    full[index < gap ? index : index + V6_GROUPS - groups.length] = group;
  }
  return full;
}

/** Cedar's `ipaddr`: an address and a prefix. Bits after the prefix stay, and count when two are compared by `==`. */
export class IpAddr extends Extension {
  /** 16 bits each: two of an IPv4 address, eight of an IPv6 address. */
  readonly groups: readonly number[];
  /** 32 or 128 for a single address. */
  readonly prefix: number;
  #key: string | undefined;

  constructor(groups: readonly number[], prefix: number) {
    super();
    this.groups = groups;
    this.prefix = prefix;
  }

  /**
   * Reads an IPv4 or IPv6 address (RFC 4291, section 2.2), perhaps with `/` and a prefix.
   *
   * @returns undefined for another text, among them leading zeros in IPv4 and in a prefix, IPv6 with an IPv4 tail, zone
   *   identifiers, and more than 43 characters
   */
  static parse(text: string): IpAddr | undefined {
    if (text.length > MAX_CHARS) return undefined;
    const slash = text.indexOf('/');
    const end = slash < 0 ? text.length : slash;
    const groups = readV4(text, end) ?? readV6(text, end);
    if (groups === undefined) return undefined;
    const bits = groups.length * GROUP_BITS;
    if (slash < 0) return new IpAddr(groups, bits);
    const prefix = shortNumber(text, slash + 1, text.length);
    return prefix < 0 || prefix > bits ? undefined : new IpAddr(groups, prefix);
  }

  get key(): string {
    this.#key ??= `ipaddr ${this.groups.join(' ')}/${this.prefix}`;
    return this.#key;
  }

  isIpv4(): boolean {
    return this.groups.length === V4_GROUPS;
  }

  isIpv6(): boolean {
    return this.groups.length === V6_GROUPS;
  }

  /** Whether all of the range is in 127.0.0.0/8, or it is ::1. IPv4 within IPv6 does not count. */
  isLoopback(): boolean {
    const { groups, prefix } = this;
    if (this.isIpv4()) return prefix >= 8 && (groups[0] ?? 0) >>> 8 === 127;
    return prefix === 128 && groups.every((group, index) => group === (index === V6_GROUPS - 1 ? 1 : 0));
  }

  /** Whether all of the range is in 224.0.0.0/4 or ff00::/8. */
  isMulticast(): boolean {
    const first = this.groups[0] ?? 0;
    return this.isIpv4()
      ? this.prefix >= 4 && first >>> 12 === 0xe
      : this.prefix >= 8 && first >>> 8 === 0xff;
  }

  /** Whether all of the range is in that of `other`. IPv4 is never in IPv6, nor the other way round. */
  isInRange(other: IpAddr): boolean {
    if (this.groups.length !== other.groups.length || this.prefix < other.prefix) return false;
    const whole = Math.floor(other.prefix / GROUP_BITS);
    for (let index = 0; index < whole; index += 1) {
      if (this.groups[index] !== other.groups[index]) return false;
    }
    const rest = other.prefix % GROUP_BITS;
    const difference = (this.groups[whole] ?? 0) ^ (other.groups[whole] ?? 0);
    return difference >>> (GROUP_BITS - rest) === 0;
  }
}
