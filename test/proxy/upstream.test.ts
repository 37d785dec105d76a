import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import type { CanonicalTarget } from '@firma/core';
import { afterEach, describe, expect, it } from 'vitest';
import { AllowedCall } from '../../src/proxy/allowed-call.ts';
import { Destinations } from '../../src/proxy/destination.ts';
import { Upstreams } from '../../src/proxy/upstream.ts';
import { openCertificateAuthority, serverIdentity, temporaryDir } from './certificates.ts';
import { bodyOf, tlsTunnel, tunnel } from './wire.ts';
import { startWorld, type World } from './world.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function open(
  options: Parameters<typeof startWorld>[1],
  table?: Parameters<typeof startWorld>[0],
): Promise<World> {
  const world = await startWorld(table, options);
  closers.push(() => world.close());
  return world;
}

const PROXY = {
  listen: { host: '127.0.0.1', port: 0 },
  idleTimeoutMs: 5000,
  connectTimeoutMs: 1000,
  maxConnections: 50,
};

/** An override whose authority is what was loaded; no file stands at the path that names it. */
function overriding(from: string, to: string, caPem: string): Parameters<typeof startWorld>[1] {
  const ca = '/loaded/before/upstream.pem';
  return {
    config: { proxy: PROXY, overrides: [{ from, to, ca }], destinations: [] },
    caPems: new Map([[ca, caPem]]),
  };
}

async function outcome(
  world: World,
  hostPort: string,
  secure = true,
): Promise<{ status: string; reason: string | undefined; text: string }> {
  const wire = secure ? await tlsTunnel(world, hostPort) : await tunnel(world, hostPort);
  wire.send(`GET / HTTP/1.1\r\nHost: ${hostPort}\r\nConnection: close\r\n\r\n`);
  const text = await wire.end();
  await world.enforcer.until(() => world.enforcer.finished.length > 0);
  const { facts } = world.enforcer.finished[world.enforcer.finished.length - 1] ?? {};
  return { status: text.slice(9, 12), reason: facts?.reason, text };
}

async function port(server: ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('where an allowed call goes', () => {
  it('a name is looked up only after ALLOW, and dialled at the address that was checked', async () => {
    const server = createHttpServer((_req, res) => res.end('here'));
    const at = await port(server);
    const asked: string[] = [];
    const world = await open({
      config: { proxy: PROXY, overrides: [], destinations: [{ host: 'name.test', cidr: '127.0.0.0/8' }] },
      resolve: (name) => {
        asked.push(name);
        return Promise.resolve([
          { address: '10.9.8.7', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]);
      },
    });
    world.enforcer.verdict = () => ({ outcome: 'DENY', reason: 'POLICY_FORBID' });
    const denied = await tunnel(world, `name.test:${at}`);
    await denied.send(`GET / HTTP/1.1\r\nHost: name.test:${at}\r\nConnection: close\r\n\r\n`).end();
    expect(asked).toEqual([]);

    world.enforcer.verdict = () => ({});
    expect(bodyOf((await outcome(world, `name.test:${at}`, false)).text)).toContain('here');
    expect(asked).toEqual(['name.test']);
  });

  it.each(['10.0.0.1', '127.0.0.1', '169.254.169.254', '[::1]', '[64:ff9b::10.0.0.1]', '[fd00::1]'])(
    'the literal %s is refused, before a credential is asked for',
    async (host) => {
      const world = await open({});
      let askedForCredential = false;
      world.enforcer.credential = () => {
        askedForCredential = true;
        return Promise.resolve(undefined);
      };
      const { status, reason, text } = await outcome(world, `${host}:9`, false);
      expect(status).toBe('403');
      expect(reason).toBe('DESTINATION_FORBIDDEN');
      expect(JSON.parse(bodyOf(text))).toMatchObject({ firma: { outcome: 'ABORT', scope: 'call' } });
      expect(askedForCredential).toBe(false);
      expect(world.enforcer.committed).toHaveLength(0);
    },
  );

  it('a name with private addresses only is refused, and the addresses stay unsaid', async () => {
    const world = await open({ resolve: () => Promise.resolve([{ address: '10.1.2.3', family: 4 }]) });
    const { reason, text } = await outcome(world, 'inside.test:443');
    expect(reason).toBe('DESTINATION_FORBIDDEN');
    expect(text).not.toContain('10.1.2.3');
  });

  it('a name that does not resolve, or not in time, is an upstream failure', async () => {
    const failing = await open({
      resolve: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })),
    });
    expect(await outcome(failing, 'nowhere.test:443')).toMatchObject({
      status: '502',
      reason: 'UPSTREAM_UNREACHABLE',
    });
    const slow = await open({
      config: { proxy: { ...PROXY, connectTimeoutMs: 50 }, overrides: [], destinations: [] },
      resolve: () => new Promise(() => undefined),
    });
    expect(await outcome(slow, 'slow.test:443')).toMatchObject({ status: '504', reason: 'UPSTREAM_TIMEOUT' });
    expect(slow.enforcer.committed).toHaveLength(0);
  });

  it('a port nobody listens on is 502, and costs nothing', async () => {
    const server = createServer();
    const at = await port(server);
    server.close();
    const world = await open({
      config: { proxy: PROXY, overrides: [], destinations: [{ host: '127.0.0.1', cidr: '127.0.0.1/32' }] },
    });
    expect(await outcome(world, `127.0.0.1:${at}`, false)).toMatchObject({
      status: '502',
      reason: 'UPSTREAM_UNREACHABLE',
    });
    expect(world.enforcer.committed).toHaveLength(0);
  });

  it('a server that accepts and then says nothing in TLS is 504', async () => {
    const at = await port(createServer((socket) => closers.push(() => socket.destroy())));
    const world = await open({
      config: {
        proxy: { ...PROXY, connectTimeoutMs: 200 },
        overrides: [{ from: 'mute.test:443', to: `127.0.0.1:${at}` }],
        destinations: [],
      },
    });
    expect(await outcome(world, 'mute.test:443')).toMatchObject({
      status: '504',
      reason: 'UPSTREAM_TIMEOUT',
    });
    expect(world.enforcer.committed).toHaveLength(0);
  });
});

describe('who is talked to', () => {
  it.each([
    ['of another authority', (world: World) => ({ host: 'api.test', ca: world.ca })],
    ['of another host', (world: World) => ({ host: 'other.test', ca: world.upstreamCa })],
    ['of the address that is dialled', (world: World) => ({ host: '127.0.0.1', ca: world.upstreamCa })],
  ])('a certificate %s is refused, and nothing is sent', async (_name, identity) => {
    const first = await open({});
    const { host, ca } = identity(first);
    let requests = 0;
    const server = createHttpsServer(await serverIdentity(ca, host), (_req, res) => {
      requests += 1;
      res.end();
    });
    const to = `127.0.0.1:${await port(server)}`;
    const world = await open(overriding('api.test:443', to, first.upstreamCa.certificatePem));
    expect(await outcome(world, 'api.test:443')).toMatchObject({
      status: '502',
      reason: 'UPSTREAM_UNREACHABLE',
    });
    expect(requests).toBe(0);
    expect(world.enforcer.committed).toHaveLength(0);
  });

  it('the system roots hold where no other authority is named', async () => {
    const first = await open({});
    const identity = await serverIdentity(first.upstreamCa, 'name.test');
    const server = createHttpsServer(identity, (_req, res) => res.end());
    const at = await port(server);
    const world = await open({
      config: { proxy: PROXY, overrides: [], destinations: [{ host: 'name.test', cidr: '127.0.0.1/32' }] },
      resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
    });
    const { status, text } = await outcome(world, `name.test:${at}`);
    expect(status).toBe('502');
    expect(text).toContain('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it('an upstream known by its address is verified by it', async () => {
    const first = await open({});
    const identity = await serverIdentity(first.upstreamCa, '192.0.2.9');
    const server = createHttpsServer(identity, (_req, res) => res.end('literal'));
    const to = `127.0.0.1:${await port(server)}`;
    const world = await open(overriding('192.0.2.9:443', to, first.upstreamCa.certificatePem));
    const outer = await tunnel(world, '192.0.2.9:443');
    outer.destroy();
    const wire = await tlsTunnel(world, '192.0.2.9:443', { servername: '', host: '192.0.2.9' });
    wire.send('GET / HTTP/1.1\r\nHost: 192.0.2.9\r\nConnection: close\r\n\r\n');
    expect(await wire.end()).toContain('literal');
  });
});

describe('connections to upstreams', () => {
  it('are kept and used again', async () => {
    const sockets = new Set<unknown>();
    const world = await open(
      {},
      {
        'api.test:443': (req, res) => {
          sockets.add(req.socket);
          res.end('ok');
        },
      },
    );
    for (let i = 0; i < 5; i += 1) expect((await outcome(world, 'api.test:443')).status).toBe('200');
    expect(sockets.size).toBe(1);
  });

  it('are bounded in origins; the one used longest ago is given up', async () => {
    const upstreams = new Upstreams({
      destinations: new Destinations({ destinations: [], timeoutMs: 100 }),
      overrides: [],
      caPems: new Map(),
      connectTimeoutMs: 100,
      maxConnections: 1,
      maxOrigins: 3,
    });
    for (let i = 0; i < 10; i += 1) {
      const target: CanonicalTarget = {
        scheme: 'http',
        host: `h${i}.test`,
        port: 80,
        path: '/',
        matchPath: '/',
        query: '',
      };
      upstreams.dispatch(
        target,
        { method: 'GET', headers: [], body: null },
        { onRequestStart: () => undefined, onResponseError: () => undefined },
      );
    }
    expect(upstreams.origins).toBe(3);
    await upstreams.close();
  });
});

describe('configuration', () => {
  const config = { proxy: PROXY, destinations: [], overrides: [] };
  it.each([
    [{ ...config, overrides: [{ from: 'not a host', to: '127.0.0.1:1' }] }, 'not a host'],
    [{ ...config, overrides: [{ from: 'a.test:443', to: '127.0.0.1' }] }, '127.0.0.1'],
    [
      { ...config, overrides: [{ from: 'a.test:443', to: '127.0.0.1:1', ca: '/not/loaded.pem' }] },
      'loaded.pem',
    ],
    [{ ...config, destinations: [{ host: 'a.test', cidr: '10.0.0.0/33' }] }, '10.0.0.0/33'],
  ])('that cannot be used stops the start', async (bad, named) => {
    await expect(startWorld({}, { config: bad })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(named) as string,
    });
  });
});

describe('an allowed call', () => {
  it('is finished once, with what it sent only where it was committed', async () => {
    const world = await open({});
    const decision = await world.enforcer.refuse('any');
    const call = new AllowedCall(world.enforcer, decision);
    call.bytesSent = 10;
    call.finish('UPSTREAM_UNREACHABLE');
    call.finish();
    expect(world.enforcer.finished).toMatchObject([
      { facts: { bytesSent: 0, reason: 'UPSTREAM_UNREACHABLE' } },
    ]);
    const dir = await temporaryDir();
    closers.push(() => dir.remove());
    await openCertificateAuthority(dir.path);
  });
});
