import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { UpstreamOverride } from '../../src/config/config.ts';
import { type CertificateAuthority, openCertificateAuthority } from '../../src/proxy/ca.ts';
import { type ProxyOptions, type RunningProxy, startProxy } from '../../src/proxy/proxy.ts';
import { type KnownSession, SessionDirectory } from '../../src/session/directory.ts';
import { serverIdentity, temporaryDir } from './certificates.ts';
import { FakeEnforcer } from './fake-enforcer.ts';

export const SESSION: KnownSession = {
  sid: 'sid-1',
  sub: 'agent-1',
  token: 'the-token',
  sessionKey: 'key-1',
};

export interface Upstream {
  readonly server: Server;
  readonly port: number;
}

/** A proxy with TLS upstreams on loopback behind it; everything in it ends with `close`. */
export interface World {
  readonly enforcer: FakeEnforcer;
  readonly sessions: SessionDirectory;
  readonly proxy: RunningProxy;
  /** What agents trust. */
  readonly ca: CertificateAuthority;
  readonly stateDir: string;
  /** `user:password` of the one session. */
  readonly credential: string;
  /** The value of a `Proxy-Authorization` header. */
  readonly authorization: string;
  /** The proxy's URL as an agent gets it. */
  readonly url: string;
  readonly upstreamCa: CertificateAuthority;
  close(): Promise<void>;
}

/** Upstreams by `host:port` as agents name them; those on port 80 speak plain HTTP. */
export type UpstreamTable = Readonly<Record<string, RequestListener>>;

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export async function startWorld(
  table: UpstreamTable = {},
  options: Partial<ProxyOptions> = {},
): Promise<World> {
  const dir = await temporaryDir();
  const ca = await openCertificateAuthority(dir.path);
  const upstreamCa = await openCertificateAuthority(join(dir.path, 'upstream'));
  const servers: Server[] = [];
  const overrides: UpstreamOverride[] = [];
  for (const [from, listener] of Object.entries(table)) {
    const [host = ''] = from.split(':');
    const plain = from.endsWith(':80');
    const server = plain
      ? createHttpServer(listener)
      : createHttpsServer(await serverIdentity(upstreamCa, host), listener);
    servers.push(server);
    const to = `127.0.0.1:${await listen(server)}`;
    overrides.push(plain ? { from, to } : { from, to, ca: upstreamCa.certificateFile });
  }
  const enforcer = new FakeEnforcer();
  const sessions = new SessionDirectory();
  const { user, password } = sessions.open(SESSION) ?? { user: '', password: '' };
  const proxy = await startProxy({
    enforcer,
    sessions,
    ca,
    listen: { host: '127.0.0.1', port: 0 },
    caPems: new Map([[upstreamCa.certificateFile, upstreamCa.certificatePem]]),
    ...options,
    config: {
      proxy: {
        listen: { host: '127.0.0.1', port: 0 },
        idleTimeoutMs: 10_000,
        connectTimeoutMs: 5000,
        maxConnections: 200,
      },
      destinations: [],
      ...options.config,
      overrides: [...overrides, ...(options.config?.overrides ?? [])],
    },
  });
  const credential = `${user}:${password}`;
  return {
    enforcer,
    sessions,
    proxy,
    ca,
    stateDir: dir.path,
    credential,
    authorization: `Basic ${Buffer.from(credential).toString('base64')}`,
    url: `http://${credential}@127.0.0.1:${proxy.port}`,
    upstreamCa,
    async close() {
      await proxy.close();
      const left = proxy.openConnections + enforcer.attached.size;
      if (left > 0) throw new Error('the proxy was closed and still has something open');
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
      await dir.remove();
    },
  };
}
