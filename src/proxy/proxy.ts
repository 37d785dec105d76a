import type { Server } from 'node:http';
import { StartFailed } from '@firma/core';
import { formatHostPort } from '../config/address.ts';
import type { Config, ListenAddress } from '../config/config.ts';
import type { Enforcer } from '../firma.ts';
import type { SessionDirectory } from '../session/directory.ts';
import type { CertificateAuthority } from './ca.ts';
import { Destinations, type Resolve } from './destination.ts';
import { errorCode } from './failure.ts';
import { RequestHeaderFilter } from './headers.ts';
import { LeafCache } from './leaf.ts';
import { DEFAULT_LIMITS, type ProxyLimits } from './limits.ts';
import { ProxyServer } from './server.ts';
import { Upstreams } from './upstream.ts';

export interface ProxyOptions {
  readonly enforcer: Enforcer;
  readonly sessions: SessionDirectory;
  readonly ca: CertificateAuthority;
  readonly config: Pick<Config, 'destinations' | 'overrides' | 'proxy'>;
  /** PEM text by the absolute path that an override's `ca` names: the bytes that trust was given to. */
  readonly caPems: ReadonlyMap<string, string>;
  readonly listen: ListenAddress;
  readonly limits?: Partial<ProxyLimits>;
  /** In place of the system's name resolution. */
  readonly resolve?: Resolve;
}

export interface RunningProxy {
  readonly host: string;
  readonly port: number;
  /** Agent connections accepted and not closed. */
  readonly openConnections: number;
  /** Ends every connection and every upstream; resolves within a few seconds. */
  close(): Promise<void>;
}

const CLOSE_TIMEOUT_MS = 5000;

function listenOn(server: Server, listen: ListenAddress): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', (error) => {
      const code = errorCode(error) ?? 'unknown error';
      const what = code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be listened on (${code})`;
      const advice = 'set `listen` in [sidecar.proxy] to a free port, or to port 0 to take any';
      reject(new StartFailed(`the proxy's address \`${formatHostPort(listen)}\` ${what}; ${advice}`));
    });
    server.listen({ host: listen.host, port: listen.port }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : listen.port);
    });
  });
}

/**
 * Starts the forward proxy: absolute-form HTTP, and CONNECT with what is inside it intercepted (semantics §7).
 *
 * @throws StartFailed where the address cannot be listened on; ConfigInvalid for an override or destination that
 *   cannot be used. Nothing is left running then.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { enforcer, sessions, ca, config, listen } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { connectTimeoutMs, idleTimeoutMs, maxConnections } = config.proxy;
  const upstreams = new Upstreams({
    destinations: new Destinations({
      destinations: config.destinations,
      timeoutMs: connectTimeoutMs,
      ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
    }),
    overrides: config.overrides,
    caPems: options.caPems,
    connectTimeoutMs,
    maxConnections,
  });
  const proxy = new ProxyServer({
    enforcer,
    sessions,
    upstreams,
    limits,
    idleTimeoutMs,
    maxConnections,
    headers: new RequestHeaderFilter(enforcer.credentialHeaders, enforcer.readHeaders),
    leaves: new LeafCache(ca),
  });
  const port = await listenOn(proxy.server, listen);
  return {
    host: listen.host,
    port,
    get openConnections() {
      return proxy.openConnections;
    },
    async close() {
      await proxy.close(CLOSE_TIMEOUT_MS);
      await upstreams.close();
    },
  };
}
