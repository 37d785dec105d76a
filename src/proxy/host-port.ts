import { type HostPort, parseHostPort } from '@firma/core';
import { formatHostPort } from '../config/address.ts';

export type { HostPort } from '@firma/core';

/**
 * Reads `host:port`, or `host` where a default port is given, into the form that is decided and dialled.
 *
 * @returns undefined where it is not exactly that: user info, an empty host, no port, a host that is not a host
 */
export function readHostPort(text: string, defaultPort = 0): HostPort | undefined {
  const parsed = parseHostPort(text, defaultPort);
  return 'malformed' in parsed || parsed.port === 0 ? undefined : parsed;
}

export function sameHostPort(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.host === b.host;
}

/** How a `Host` header names it: without the port where it is the scheme's own. */
export function hostHeader(target: HostPort, scheme: 'http' | 'https'): string {
  const full = formatHostPort(target);
  return target.port === defaultPort(scheme) ? full.slice(0, full.lastIndexOf(':')) : full;
}

export function defaultPort(scheme: 'http' | 'https'): number {
  return scheme === 'https' ? 443 : 80;
}
