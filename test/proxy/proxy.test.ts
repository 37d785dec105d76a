import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { dial, tlsTunnel, tunnel } from './wire.ts';
import { startWorld } from './world.ts';

const HEAD = 'Host: api.test\r\n';

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\n${HEAD}\r\n`;
}

describe('the proxy', () => {
  it('says what to do where its port is in use, and leaves nothing behind', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(startWorld({}, { listen: { host: '127.0.0.1', port } })).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${port}.*in use.*listen`)) as string,
    });
    other.close();
  });

  it('ends everything that is open when it is closed, with one outcome for each call', async () => {
    const world = await startWorld({
      'api.test:443': (req, res) => {
        if (req.url === '/stream') res.write('begun');
      },
    });
    const streaming = await tlsTunnel(world, 'api.test:443');
    await streaming.send(`GET /stream HTTP/1.1\r\n${HEAD}\r\n`).until('begun');
    const waiting = await tlsTunnel(world, 'api.test:443');
    waiting.send(`GET /silent HTTP/1.1\r\n${HEAD}\r\n`);
    await world.enforcer.until(() => world.enforcer.decided.length === 2);
    const opened = await tunnel(world, 'api.test:443');
    const idle = await dial(world);
    expect(world.proxy.openConnections).toBe(4);

    await world.close();
    expect(world.proxy.openConnections).toBe(0);
    expect(world.enforcer.finished).toHaveLength(2);
    expect(world.enforcer.attached.size).toBe(0);
    await Promise.all([streaming, waiting, opened, idle].map((wire) => wire.end()));
  });

  it('accepts no more connections than it may have', async () => {
    const world = await startWorld(
      {},
      {
        config: {
          proxy: {
            listen: { host: '', port: 0 },
            idleTimeoutMs: 5000,
            connectTimeoutMs: 1000,
            maxConnections: 2,
          },
          destinations: [],
          overrides: [],
        },
      },
    );
    const kept = [await dial(world), await dial(world)];
    expect(await (await dial(world)).end()).toBe('');
    expect(kept.map(({ closed }) => closed)).toEqual([false, false]);
    expect(world.proxy.openConnections).toBe(2);
    await world.close();
  });

  it('gives up a connection that sends requests far ahead of their answers', async () => {
    const world = await startWorld({ 'api.test:443': () => undefined });
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`.repeat(100));
    await wire.end();
    expect(world.enforcer.decided.length).toBeLessThanOrEqual(1);
    await world.close();
  });
});

describe('after all kinds of ends', () => {
  it('nothing is left open: no connection, no session entry, no request', async () => {
    const world = await startWorld({
      'api.test:443': (req, res) => {
        if (req.url === '/dies') res.write('x', () => res.destroy());
        else if (req.url !== '/silent') res.end('ok');
      },
    });
    for (let round = 0; round < 5; round += 1) {
      const served = await tlsTunnel(world, 'api.test:443');
      await served.send(get('/')).until('ok');
      served.destroy();
      const dying = await tlsTunnel(world, 'api.test:443');
      await dying.send(get('/dies')).end();
      const leaving = await tlsTunnel(world, 'api.test:443');
      leaving.send(get('/silent'));
      const decided = round * 3 + 3;
      await world.enforcer.until(() => world.enforcer.decided.length === decided);
      leaving.destroy();
      const garbage = await tunnel(world, 'api.test:443');
      await garbage.send('\x00').end();
      const half = await tunnel(world, 'api.test:443');
      half.send('\x16\x03\x01').destroy();
      (await dial(world)).send('GET http://x').destroy();
    }
    await world.enforcer.until(
      () => world.enforcer.finished.length === 15 && world.enforcer.refusals.length === 10,
    );
    while (world.proxy.openConnections > 0) await turn();
    expect(world.enforcer.attached.size).toBe(0);
    expect(world.enforcer.finished).toHaveLength(15);
    expect(new Set(world.enforcer.finished.map(({ eventId }) => eventId)).size).toBe(15);
    await world.close();
  });
});
