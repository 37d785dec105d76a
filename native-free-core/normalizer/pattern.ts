import { isHostName, parseHostPort } from './host.ts';
import { canonicalPath } from './path.ts';
import { compileSegment, innerMatches, standsAt, type SegmentPattern } from './segment.ts';

// The grammar that rules, token scopes, credential entries and host groups share (semantics §2, "Patterns").

/** Why a text is no pattern, and what to write instead. */
export interface Invalid {
  readonly invalid: string;
}

/** `exact`: that host. `below`: one or more labels before it. `any`: every host. */
export interface HostPattern {
  readonly kind: 'exact' | 'below' | 'any';
  /** Canonical host; for `below` the part behind `*.`; empty for `any`. */
  readonly name: string;
  /** Undefined where the pattern names none. */
  readonly port: number | undefined;
  readonly text: string;
}

export interface PathPattern {
  /** True where every path matches; `segments` is empty then. */
  readonly any: boolean;
  /** A `rest` stands last only. */
  readonly segments: readonly SegmentPattern[];
  readonly text: string;
}

export const ANY_PATH: PathPattern = { any: true, segments: [], text: '*' };

const MAX_PATTERN_SEGMENTS = 64;

/** Reads `api.example.com`, `*.example.com`, `*`, an address, each with an optional `:port`. */
export function compileHost(text: string): HostPattern | Invalid {
  const isAny = text === '*' || text.startsWith('*:');
  const isBelow = text.startsWith('*.');
  const plain = isAny ? `any${text.slice(1)}` : isBelow ? text.slice(2) : text;
  if (plain.includes('*')) {
    return { invalid: `host \`${text}\` has a wildcard that is not a leading \`*.\` and not \`*\` alone` };
  }
  if (plain.includes('/')) {
    return {
      invalid: `host \`${text}\` has a scheme or a path; write the host alone, and those as \`scheme\` and \`path\``,
    };
  }
  const parsed = parseHostPort(plain, 0);
  if ('malformed' in parsed) return { invalid: `host \`${text}\` is no host pattern: ${parsed.malformed}` };
  const { host } = parsed;
  if (isBelow && !isHostName(host)) return { invalid: `host \`${text}\` has a wildcard before an address` };
  const port = parsed.port === 0 ? undefined : parsed.port;
  const name = host.includes(':') ? `[${host}]` : host;
  const written = port === undefined ? name : `${name}:${port}`;
  if (written !== plain) {
    const start = isBelow ? '*.' : '';
    return { invalid: `host \`${text}\` is not in canonical form; write \`${start}${written}\`` };
  }
  if (isAny) return { kind: 'any', name: '', port, text };
  return { kind: isBelow ? 'below' : 'exact', name: host, port, text };
}

/** Reads a path pattern that starts with `/`; every path is `ANY_PATH`, not a text. */
export function compilePath(text: string): PathPattern | Invalid {
  if (!text.startsWith('/'))
    return { invalid: `path \`${text}\` does not start with \`/\`; write \`/${text}\`` };
  const canonical = canonicalPath(text);
  if (typeof canonical !== 'string') {
    return { invalid: `path \`${text}\` is no path pattern: ${canonical.malformed}` };
  }
  const plain = canonical.length > 1 && canonical.endsWith('/') ? canonical.slice(0, -1) : canonical;
  if (plain !== text) return { invalid: `path \`${text}\` is not in canonical form; write \`${plain}\`` };
  if (text === '/') return { any: false, segments: [], text };
  const parts = text.slice(1).split('/');
  if (parts.length > MAX_PATTERN_SEGMENTS) {
    return { invalid: `path \`${text}\` has more than ${MAX_PATTERN_SEGMENTS} segments` };
  }
  const segments: SegmentPattern[] = [];
  for (const [index, part] of parts.entries()) {
    const segment = compileSegment(part);
    if (segment === undefined) {
      return { invalid: `path segment \`${part}\` has \`**\` or more than two \`*\` inside it` };
    }
    if (segment.kind === 'rest' && index < parts.length - 1) {
      return { invalid: `path \`${text}\` has \`**\` before its last segment` };
    }
    segments.push(segment);
  }
  return { any: false, segments, text };
}

/** Whether a canonical host matches; ports are compared by the caller. No allocation. */
export function hostMatches(pattern: HostPattern, host: string): boolean {
  if (pattern.kind === 'exact') return host === pattern.name;
  if (pattern.kind === 'any') return true;
  const before = host.length - pattern.name.length;
  return before > 1 && host.charCodeAt(before - 1) === 46 && host.endsWith(pattern.name);
}

/**
 * Whether a path matches.
 *
 * @param path canonical, without a trailing `/`
 * @param foldMask bit n-1 set: segment n is compared in lower case
 * Cost: one walk along the path, no allocation.
 */
export function pathMatches(pattern: PathPattern, path: string, foldMask: number): boolean {
  if (pattern.any) return true;
  let start = 1;
  let position = 0;
  for (const segment of pattern.segments) {
    if (start >= path.length) return false;
    if (segment.kind === 'rest') return true;
    const slash = path.indexOf('/', start);
    const end = slash === -1 ? path.length : slash;
    const fold = isFolded(foldMask, position);
    if (segment.kind === 'literal') {
      if (segment.text.length !== end - start || !standsAt(segment.text, path, start, fold)) return false;
    } else if (segment.kind === 'inner' && !innerMatches(segment, path, start, end, fold)) {
      return false;
    }
    start = end + 1;
    position++;
  }
  return start >= path.length;
}

/** @param position of a segment, from 0 */
export function isFolded(foldMask: number, position: number): boolean {
  return position < 32 && ((foldMask >>> position) & 1) === 1;
}
