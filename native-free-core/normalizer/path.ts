import type { Malformed } from './host.ts';

/** Bytes of a request target, path and query together. */
export const MAX_TARGET = 8192;
export const MAX_SEGMENTS = 256;

const SLASH = 47;
const PERCENT = 37;
const DOT = 46;
const QUESTION = 63;

const REFUSED = 0;
const UNRESERVED = 1;
const RESERVED = 2;

// RFC 3986 §3.3: what a path segment may hold as it stands.
const PATH_CHARS = new Uint8Array(128);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~') {
  PATH_CHARS[char.charCodeAt(0)] = UNRESERVED;
}
for (const char of "!$&'()*+,;=:@") PATH_CHARS[char.charCodeAt(0)] = RESERVED;

/**
 * Scans a target up to its query.
 *
 * @returns the end of the path where it is already canonical; -1 where it has to be rewritten or refused
 * Cost: one scan, no allocation.
 */
export function canonicalPathEnd(target: string): number {
  if (target.charCodeAt(0) !== SLASH) return -1;
  let segments = 1;
  let previous = SLASH;
  for (let i = 1; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code === SLASH) {
      if (previous === SLASH || ++segments > MAX_SEGMENTS) return -1;
    } else if (code === QUESTION) {
      return i;
    } else if (
      code > 127 ||
      PATH_CHARS[code] === REFUSED ||
      code === PERCENT ||
      (code === DOT && previous === SLASH)
    ) {
      return -1;
    }
    previous = code;
  }
  return target.length;
}

/**
 * The canonical form of a path: escapes of unreserved characters decoded once, the others in upper case, dot
 * segments resolved after that, runs of `/` made one (RFC 3986 §6.2.2, semantics §2).
 *
 * @param path without query; empty means `/`
 */
export function canonicalPath(path: string): string | Malformed {
  if (path === '') return '/';
  if (path.charCodeAt(0) !== SLASH) return { malformed: 'the target does not start with `/`' };
  const decoded = decodeUnreserved(path);
  return typeof decoded === 'string' ? resolveSegments(decoded) : decoded;
}

/** Resolves dot segments and makes runs of `/` one; the escapes stay as they are. */
export function resolveSegments(path: string): string | Malformed {
  const kept: string[] = [];
  const segments = path.split('/');
  if (segments.length > MAX_SEGMENTS + 1) {
    return { malformed: `the path has more than ${MAX_SEGMENTS} segments` };
  }
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i] ?? '';
    if (segment === '.') continue;
    if (segment !== '..') {
      kept.push(segment);
      continue;
    }
    const dropped = kept.pop();
    if (dropped === undefined) return { malformed: 'the path leads above its root' };
    // Servers that merge slashes first would drop the segment before: two readings, and neither is right.
    if (dropped === '') return { malformed: 'the path has `..` behind an empty segment' };
  }
  const last = segments.at(-1);
  const names = kept.filter((segment) => segment !== '');
  if (names.length === 0) return '/';
  const isDirectory = last === '' || last === '.' || last === '..';
  return `/${names.join('/')}${isDirectory ? '/' : ''}`;
}

/** The path without a trailing `/`: what is matched, scoped and named. */
export function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.charCodeAt(path.length - 1) === SLASH ? path.slice(0, -1) : path;
}

function decodeUnreserved(path: string): string | Malformed {
  let decoded = '';
  let copied = 0;
  let hasPercent = false;
  const utf8 = new Utf8Check();
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code !== PERCENT) {
      if (code !== SLASH && (code > 127 || PATH_CHARS[code] === REFUSED)) {
        return { malformed: 'the path has a character that is not allowed in a path' };
      }
      if (!utf8.isBetween()) return { malformed: INVALID_UTF8 };
      continue;
    }
    const high = hexValue(path.charCodeAt(i + 1));
    const low = hexValue(path.charCodeAt(i + 2));
    if (high < 0 || low < 0) return { malformed: 'the path has a `%` that starts no escape' };
    const byte = high * 16 + low;
    if (byte < 32 || byte === 127) return { malformed: 'the path has an escaped control character' };
    if (byte === 92) return { malformed: 'the path has an escaped backslash' };
    if (!utf8.accept(byte)) return { malformed: INVALID_UTF8 };
    hasPercent ||= byte === PERCENT;
    const isUnreserved = byte < 128 && PATH_CHARS[byte] === UNRESERVED;
    decoded += path.slice(copied, i);
    decoded += isUnreserved ? String.fromCharCode(byte) : path.slice(i, i + 3).toUpperCase();
    i += 2;
    copied = i + 1;
  }
  if (!utf8.isBetween()) return { malformed: INVALID_UTF8 };
  decoded += path.slice(copied);
  // Looked for in the result: an escaped digit behind `%25` is a digit there.
  if (hasPercent && /%25[0-9A-Fa-f]{2}/.test(decoded)) return { malformed: 'the path is escaped twice' };
  return decoded;
}

const INVALID_UTF8 = 'the path has escapes that are not valid UTF-8';

/** Follows the escaped bytes of a path: RFC 3629, without the control characters U+0080 to U+009F. */
class Utf8Check {
  #missing = 0;
  #low = 0x80;
  #high = 0xbf;

  /** Whether no character is cut off here. */
  isBetween(): boolean {
    return this.#missing === 0;
  }

  /** Takes the next escaped byte; false where it cannot stand here. */
  accept(byte: number): boolean {
    if (this.#missing > 0) {
      if (byte < this.#low || byte > this.#high) return false;
      this.#missing--;
      this.#low = 0x80;
      this.#high = 0xbf;
      return true;
    }
    if (byte < 0x80) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xc2) this.#low = 0xa0;
    else if (byte === 0xe0) this.#low = 0xa0;
    else if (byte === 0xf0) this.#low = 0x90;
    else if (byte === 0xed) this.#high = 0x9f;
    else if (byte === 0xf4) this.#high = 0x8f;
    return true;
  }
}

function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Whether a canonical path has an escaped `/`, or an escape that `decodeReserved` would decode. */
export function hasAmbiguousEscape(path: string): boolean {
  for (let i = path.indexOf('%'); i !== -1; i = path.indexOf('%', i + 3)) {
    const byte = hexValue(path.charCodeAt(i + 1)) * 16 + hexValue(path.charCodeAt(i + 2));
    if (byte === SLASH || (byte < 128 && PATH_CHARS[byte] === RESERVED)) return true;
  }
  return false;
}

/** The path with every escape of a reserved character that a segment may hold raw (`%3A`, `%3B`, `%40` …) decoded. */
export function decodeReserved(path: string): string {
  return path.replace(/%[0-9A-F]{2}/g, (escape) => {
    const byte = Number.parseInt(escape.slice(1), 16);
    return byte < 128 && PATH_CHARS[byte] === RESERVED ? String.fromCharCode(byte) : escape;
  });
}
