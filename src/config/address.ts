import { isIP, isIPv4, isIPv6 } from 'node:net';
import { compileHost, parseHostPort as readHostPort } from '@firma/core';
import type { ListenAddress } from './config.ts';

/**
 * Reads `host:port` or `[ipv6]:port` into canonical form, the host without brackets; port 0 is any free one.
 *
 * @returns undefined where the text is neither
 */
export function parseHostPort(text: string): ListenAddress | undefined {
  const anyPort = text.endsWith(':0');
  const parsed = readHostPort(anyPort ? text.slice(0, -2) : text, 0);
  // Without a port, or with two.
  return 'malformed' in parsed || (parsed.port === 0) !== anyPort ? undefined : parsed;
}

/** `host:port`, with brackets around IPv6. */
export function formatHostPort({ host, port }: ListenAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether a canonical host is an address that only this machine reaches. A name is none: it may mean anything. */
export function isLoopback(host: string): boolean {
  return host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** A host, or `*.` and what it ends in, in canonical form without brackets; undefined where the text is neither. */
export function canonicalHost(text: string): string | undefined {
  const pattern = compileHost(text.toLowerCase());
  if ('invalid' in pattern || pattern.kind === 'any' || pattern.port !== undefined) return undefined;
  return pattern.kind === 'below' ? `*.${pattern.name}` : pattern.name;
}

/** Whether the text is an address, a slash and a prefix length. */
export function isCidr(text: string): boolean {
  const [address = '', bits = '', ...more] = text.split('/');
  if (more.length > 0 || address.includes('%') || !/^(0|[1-9][0-9]{0,2})$/.test(bits)) return false;
  const version = isIP(address);
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
}
