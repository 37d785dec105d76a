import type { Malformed } from './host.ts';
import { escapedByte, escapeEnd, isEscapedTwice } from './percent.ts';

/** Bytes of a request target, path and query together. */
export const MAX_TARGET = 8192;
export const MAX_SEGMENTS = 256;

const SLASH = 47;
const PERCENT = 37;
const DOT = 46;
const QUESTION = 63;
const BACKSLASH = 92;

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
    // Nearly every character.
    if (PATH_CHARS[code] === UNRESERVED && code !== DOT) {
      previous = code;
      continue;
    }
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
  // A path of so few characters has no more segments.
  if (path.length <= MAX_SEGMENTS && !path.includes('//') && !path.includes('/.')) return path;
  const segments = path.split('/');
  if (segments.length > MAX_SEGMENTS + 1) {
    return { malformed: `the path has more than ${MAX_SEGMENTS} segments` };
  }
  const kept: string[] = [];
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
  let resolved = '';
  for (const segment of kept) if (segment !== '') resolved += `/${segment}`;
  const last = segments.at(-1);
  const isDirectory = last === '' || last === '.' || last === '..';
  return isDirectory || resolved === '' ? `${resolved}/` : resolved;
}

/** The path without a trailing `/`: what is matched, scoped and named. */
export function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.charCodeAt(path.length - 1) === SLASH ? path.slice(0, -1) : path;
}

function decodeUnreserved(path: string): string | Malformed {
  let decoded = '';
  let copied = 0;
  let hasPercent = false;
  for (let i = 0, end = 0; i < path.length; i = end) {
    const code = path.charCodeAt(i);
    end = i + 1;
    if (code === SLASH || (code < 128 && PATH_CHARS[code] !== REFUSED)) continue;
    if (code !== PERCENT) return { malformed: 'the path has a character that is not allowed in a path' };
    end = escapeEnd(path, i);
    if (end === -1) return { malformed: 'the path has an escape that is none, or not valid UTF-8' };
    const byte = escapedByte(path, i);
    if (byte < 32 || byte === 127) return { malformed: 'the path has an escaped control character' };
    if (byte === BACKSLASH) return { malformed: 'the path has an escaped backslash' };
    hasPercent ||= byte === PERCENT;
    if (byte < 128 && PATH_CHARS[byte] === UNRESERVED) {
      decoded += path.slice(copied, i) + String.fromCharCode(byte);
      copied = end;
    } else if (hasLowerCase(path, i, end)) {
      decoded += path.slice(copied, i) + path.slice(i, end).toUpperCase();
      copied = end;
    }
  }
  decoded = copied === 0 ? path : decoded + path.slice(copied);
  // Looked for in the result: an escaped digit behind `%25` is a digit there.
  return hasPercent && isEscapedTwice(decoded) ? { malformed: 'the path is escaped twice' } : decoded;
}

function hasLowerCase(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) >= 97) return true;
  return false;
}

/** Whether a canonical path has an escaped `/`, or an escape that `decodeReserved` would decode. */
export function hasAmbiguousEscape(path: string): boolean {
  for (let i = path.indexOf('%'); i !== -1; i = path.indexOf('%', i + 3)) {
    if (escapedByte(path, i) === SLASH || isReservedEscape(path, i)) return true;
  }
  return false;
}

/** The path with every escape of a reserved character that a segment may hold raw (`%3A`, `%3B`, `%40` …) decoded. */
export function decodeReserved(path: string): string {
  let decoded = '';
  let copied = 0;
  for (let i = path.indexOf('%'); i !== -1; i = path.indexOf('%', i + 3)) {
    if (!isReservedEscape(path, i)) continue;
    decoded += path.slice(copied, i) + String.fromCharCode(escapedByte(path, i));
    copied = i + 3;
  }
  return copied === 0 ? path : decoded + path.slice(copied);
}

function isReservedEscape(path: string, at: number): boolean {
  const byte = escapedByte(path, at);
  return byte < 128 && PATH_CHARS[byte] === RESERVED;
}
