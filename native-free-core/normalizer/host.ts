import { canonicalIpv6, isIpv4 } from './ip.ts';

/** Why a request target has no canonical form. Quotes nothing of the request. */
export interface Malformed {
  readonly malformed: string;
}

export interface HostPort {
  /** Lower-case A-label, IPv4 as four decimals, or RFC 5952 IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const MAX_HOST = 253;
const MAX_LABEL = 63;
const DOT = 46;
const HYPHEN = 45;
const UNDERSCORE = 95;

/**
 * Whether a text is a host name in canonical form: lower-case labels of letters, digits, `-` and `_`, no
 * trailing dot, and a last label that no reader takes for a number.
 *
 * Cost: one scan, no allocation.
 */
export function isHostName(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > MAX_HOST) return false;
  let labelStart = 0;
  let isNumber = true;
  for (let i = 0; i <= length; i++) {
    const code = i === length ? DOT : text.charCodeAt(i);
    if (code >= 97 && code <= 122) {
      isNumber = false;
    } else if (code === DOT) {
      if (i === labelStart || i - labelStart > MAX_LABEL) return false;
      if (text.charCodeAt(labelStart) === HYPHEN || text.charCodeAt(i - 1) === HYPHEN) return false;
      if (i === length) return !isNumber && !text.startsWith('0x', labelStart);
      labelStart = i + 1;
      isNumber = true;
    } else if (code === HYPHEN || code === UNDERSCORE) {
      isNumber = false;
    } else if (code < 48 || code > 57) {
      return false;
    }
  }
  return false;
}

/**
 * Reads `host` or `host:port` into the one form that is matched and dialled.
 *
 * Names are ASCII: a client sends A-labels. One trailing dot is dropped. An address is four plain decimals or
 * IPv6 in brackets; every other spelling of one is refused, never guessed.
 */
export function parseHostPort(text: string, defaultPort: number): HostPort | Malformed {
  if (text.includes('@')) return { malformed: 'the target has user info' };
  if (text.length > MAX_HOST + 8) return { malformed: 'the host is too long' };
  const hostEnd = text.startsWith('[') ? text.indexOf(']') + 1 : indexOrEnd(text, ':');
  const rest = text.slice(hostEnd);
  const port = rest === '' ? defaultPort : parsePort(rest);
  if (port === undefined) return { malformed: 'the port is not a number from 1 to 65535' };
  const host = canonicalHost(text.slice(0, hostEnd));
  return host === undefined ? { malformed: 'the host is not a host name or an address' } : { host, port };
}

function indexOrEnd(text: string, mark: string): number {
  const index = text.indexOf(mark);
  return index === -1 ? text.length : index;
}

function parsePort(text: string): number | undefined {
  if (!/^:[1-9][0-9]{0,4}$/.test(text)) return undefined;
  const port = Number(text.slice(1));
  return port <= 65_535 ? port : undefined;
}

function canonicalHost(text: string): string | undefined {
  if (text.startsWith('[')) return canonicalIpv6(text.slice(1, -1));
  // Before the case is changed: some letters outside ASCII have an ASCII lower case.
  if (!/^[\x21-\x7e]*$/.test(text)) return undefined;
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  return isHostName(name) || isIpv4(name) ? name : undefined;
}
