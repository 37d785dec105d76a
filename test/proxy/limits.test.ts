import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tlsTunnel, tunnel } from './wire.ts';
import { startWorld, type World } from './world.ts';

const HEAD = 'Host: api.test\r\n';
const SHORT_MS = 200;

let world: World;
let serve: (req: IncomingMessage, res: ServerResponse) => void;

beforeEach(async () => {
  world = await startWorld(
    { 'api.test:443': (req, res) => serve(req, res) },
    {
      config: {
        proxy: {
          listen: { host: '', port: 0 },
          idleTimeoutMs: SHORT_MS,
          connectTimeoutMs: 1000,
          maxConnections: 50,
        },
        destinations: [],
        overrides: [],
      },
      limits: {
        firstByteMs: SHORT_MS,
        handshakeMs: SHORT_MS,
        headersMs: SHORT_MS / 2,
        bodyMs: SHORT_MS / 2,
        drainMs: SHORT_MS / 2,
      },
    },
  );
});

afterEach(() => world.close());

describe('silence', () => {
  it('of an upstream that never answers is 504', async () => {
    serve = () => undefined;
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
    expect(await wire.end()).toMatch(/^HTTP\/1\.1 504 /);
    expect(world.enforcer.finished).toMatchObject([{ facts: { reason: 'UPSTREAM_TIMEOUT' } }]);
    expect(world.enforcer.committed).toHaveLength(1);
  });

  it('in the middle of a response ends it as broken', async () => {
    serve = (_req, res) => res.write('begun');
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    const text = await wire.end();
    expect(text).toContain('begun');
    expect(text).not.toContain('\r\n0\r\n');
    await world.enforcer.until(() => world.enforcer.finished.length === 1);
    expect(world.enforcer.finished).toMatchObject([{ facts: { status: 200, reason: 'UPSTREAM_TIMEOUT' } }]);
  });

  it('of an agent closes its connection', async () => {
    const wire = await tlsTunnel(world, 'api.test:443');
    await wire.end();
    expect(world.enforcer.refusals).toHaveLength(0);
  });

  it('of a tunnel closes it and is no event', async () => {
    const wire = await tunnel(world, 'api.test:443');
    await wire.end();
    expect(world.enforcer.refusals).toHaveLength(0);
  });
});

describe('a client that takes its time', () => {
  it('a handshake that stalls is closed after its time', async () => {
    const wire = await tunnel(world, 'api.test:443');
    await wire.send('\x16\x03\x01').end();
    await world.enforcer.until(() => world.enforcer.refusals.length > 0);
    expect(world.enforcer.refusals.join()).toContain('too long');
  });

  it('with the head of a request is answered 408', async () => {
    const wire = await tlsTunnel(world, 'api.test:443');
    expect(await wire.send('GET / HTTP/1.1\r\nHost: api').end()).toMatch(/^HTTP\/1\.1 408 /);
    expect(world.enforcer.refusals).toHaveLength(0);
  });

  it('with a body that has to be read first is decided without it', async () => {
    world.enforcer.bodyNeed = 'whole';
    world.enforcer.verdict = () => ({ outcome: 'DENY', reason: 'PARAMS_UNREADABLE' });
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 10\r\n\r\nabc`);
    expect(await wire.until('}\n')).toMatch(/^HTTP\/1\.1 403 /);
    expect(world.enforcer.decided).toMatchObject([{ body: undefined }]);
    wire.destroy();
  });

  it('does not send for ever after its answer', async () => {
    world.enforcer.verdict = () => ({ outcome: 'DENY', reason: 'POLICY_FORBID' });
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 1000000\r\n\r\nx`);
    expect(await wire.end()).toMatch(/^HTTP\/1\.1 403 /);
  });
});
