import { Usage } from '@firma/core';
import { isLoopback, parseHostPort } from '../../config/address.ts';
import type { Config } from '../../config/config.ts';
import type { Mix } from '../../load/mix.ts';

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'https:': '443', 'http:': '80' };

/** `host:port` of each upstream that the configuration sends elsewhere: to this machine, or wherever it is owned. */
export function overriddenHosts({ overrides }: Config, ownsHost: boolean): ReadonlySet<string> {
  const toHere = overrides.filter(({ to }) => ownsHost || isLoopback(parseHostPort(to)?.host ?? ''));
  return new Set(toHere.map(({ from }) => from));
}

/**
 * Whether every call of a mix stays with upstreams that are meant for it: through the proxy an allowed call leaves.
 *
 * @throws Usage naming the first host that is somebody else's
 */
export function assertOverridden({ endpoints }: Mix, hosts: ReadonlySet<string>): void {
  for (const { url } of endpoints) {
    const { hostname, port, protocol } = new URL(url);
    const hostPort = `${hostname}:${port === '' ? (DEFAULT_PORTS[protocol] ?? '') : port}`;
    if (hosts.has(hostPort)) continue;
    throw new Usage(
      `the proxy would send this load to \`${hostPort}\` itself; send it to an upstream of your own with \`[[sidecar.upstream.overrides]]\``,
    );
  }
}
