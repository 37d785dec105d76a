import type { CanonicalTarget, Scheme } from './envelope.ts';
import { isHostName, parseHostPort, type Malformed } from './host.ts';
import { canonicalPath, canonicalPathEnd, MAX_TARGET, withoutTrailingSlash } from './path.ts';

export type { Malformed } from './host.ts';

export function defaultPort(scheme: Scheme): number {
  return scheme === 'https' ? 443 : 80;
}

/** A canonical host as it stands before a port: IPv6 in brackets. */
export function writtenHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * The one form of a request target: what is matched is what is dispatched (semantics §2, "Canonical target").
 *
 * @param hostPort `host` or `host:port`, as received
 * @param target origin-form (RFC 9112 §3.2.1), as received, at most 8 KiB
 * @returns the target, or why it has no canonical form; never two readings
 * Cost: one scan of a target that is canonical already. INVARIANT: idempotent.
 */
export function canonicalTarget(
  scheme: Scheme,
  hostPort: string,
  target: string,
): CanonicalTarget | Malformed {
  if (target.length > MAX_TARGET) return { malformed: `the target is longer than ${MAX_TARGET} bytes` };
  let host = hostPort;
  let port = defaultPort(scheme);
  if (!isHostName(hostPort)) {
    const parsed = parseHostPort(hostPort, port);
    if ('malformed' in parsed) return parsed;
    host = parsed.host;
    port = parsed.port;
  }
  const end = canonicalPathEnd(target);
  if (end === target.length) {
    return { scheme, host, port, path: target, matchPath: withoutTrailingSlash(target), query: '' };
  }
  const mark = end === -1 ? target.indexOf('?') : end;
  const queryStart = mark === -1 ? target.length : mark;
  if (!isQuery(target, queryStart))
    return { malformed: 'the query has a character that is not allowed in it' };
  const raw = target.slice(0, queryStart);
  const path = end === -1 ? canonicalPath(raw) : raw;
  if (typeof path !== 'string') return path;
  return {
    scheme,
    host,
    port,
    path,
    matchPath: withoutTrailingSlash(path),
    query: target.slice(queryStart),
  };
}

/** Printable ASCII without `#`: the bytes of a query are kept as they are, so they must be safe to send. */
function isQuery(target: string, start: number): boolean {
  for (let i = start; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code < 33 || code > 126 || code === 35) return false;
  }
  return true;
}

/**
 * What is wrong with the `Host` header of a request for that target, or undefined.
 *
 * A request has at most one, and it names the host and port the request is for (RFC 9112 §3.2).
 */
export function hostHeaderProblem(
  values: readonly string[] | undefined,
  target: CanonicalTarget,
): string | undefined {
  if (values === undefined || values.length === 0) return undefined;
  if (values.length > 1) return 'the request has more than one `Host` header';
  const value = values[0] ?? '';
  const fallback = defaultPort(target.scheme);
  // Equal to a canonical host: only IPv6, which stands in brackets here, has a `:`.
  if (value === target.host && target.port === fallback && !value.includes(':')) return undefined;
  const named = parseHostPort(value, fallback);
  if ('malformed' in named) return 'the `Host` header names no host';
  if (named.host === target.host && named.port === target.port) return undefined;
  return 'the `Host` header names another host than the target';
}
