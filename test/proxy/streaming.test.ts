import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tlsTunnel, tunnel } from './wire.ts';
import { startWorld, type World } from './world.ts';

const MIB = 1024 * 1024;
const HEAD = 'Host: api.test\r\n';

let world: World;
let serve: (req: IncomingMessage, res: ServerResponse) => void;

beforeEach(async () => {
  world = await startWorld({
    'api.test:443': (req, res) => serve(req, res),
    'plain.test:80': (req, res) => serve(req, res),
  });
});

afterEach(() => world.close());

/** Turns the event loop until the value has not changed for a while: nothing is ready any more. */
async function settled(value: () => number): Promise<number> {
  let last = value();
  for (let same = 0; same < 300; same += 1) {
    await turn();
    if (value() !== last) same = 0;
    last = value();
  }
  return last;
}

describe('a response', () => {
  it('reaches the agent piece by piece: each event before the next is sent', async () => {
    const pieces: (() => void)[] = [];
    serve = (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.flushHeaders();
      for (const n of [1, 2, 3]) pieces.push(() => res.write(`data: ${n}\n\n`));
      pieces.push(() => res.end());
    };
    const wire = await tlsTunnel(world, 'api.test:443');
    // Its head arrives before there is any body.
    await wire.send(`GET /events HTTP/1.1\r\n${HEAD}\r\n`).until('\r\n\r\n');
    for (const n of [1, 2, 3]) {
      pieces.shift()?.();
      await wire.until(`data: ${n}\n\n`);
      expect(wire.text).not.toContain(`data: ${n + 1}`);
    }
    expect(world.enforcer.finished).toHaveLength(0);
    pieces.shift()?.();
    expect(await wire.until('\r\n0\r\n\r\n')).toContain('data: 3');
    expect(world.enforcer.finished).toMatchObject([{ facts: { status: 200, bytesReceived: 27 } }]);
    wire.destroy();
  });

  it('is not decoded: compressed bytes arrive as they are', async () => {
    const bytes = Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0xff, 0xfe, 0x00]);
    serve = (_req, res) => res.writeHead(200, { 'content-encoding': 'gzip' }).end(bytes);
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
    expect(await wire.end()).toContain(bytes.toString('latin1'));
  });

  it('of an upstream that dies in the middle does not look complete', async () => {
    for (const headers of [{ 'content-length': '100' }, {}]) {
      serve = (_req, res) => {
        res.writeHead(200, headers);
        res.write('part', () => res.destroy());
      };
      const wire = await tlsTunnel(world, 'api.test:443');
      wire.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
      const text = await wire.end();
      expect(text).toContain('part');
      expect(text).not.toContain('\r\n0\r\n\r\n');
    }
    expect(world.enforcer.finished).toMatchObject([
      { facts: { status: 200, bytesReceived: 4, reason: 'UPSTREAM_UNREACHABLE' } },
      { facts: { status: 200, bytesReceived: 4, reason: 'UPSTREAM_UNREACHABLE' } },
    ]);
    expect(world.enforcer.committed).toHaveLength(2);
  });

  it('that a slow agent does not read holds the upstream back, and arrives whole', async () => {
    const total = 64 * MIB;
    let sent = 0;
    serve = (_req, res) => {
      res.writeHead(200, { 'content-length': String(total) });
      const piece = Buffer.alloc(64 * 1024, 'x');
      const more = (): void => {
        while (sent < total) {
          sent += piece.length;
          if (!res.write(piece)) {
            res.once('drain', more);
            return;
          }
        }
        res.end();
      };
      more();
    };
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.socket.pause();
    wire.socket.removeAllListeners('data');
    let received = 0;
    wire.socket.on('data', (text: string) => {
      received += text.length;
    });
    wire.socket.pause();
    wire.send(`GET / HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
    // Only buffers of the kernel and the proxy are full: a few MiB of the 64.
    expect(await settled(() => sent)).toBeLessThan(24 * MIB);
    wire.socket.resume();
    await wire.end();
    expect(sent).toBe(total);
    expect(received).toBeGreaterThanOrEqual(total);
    expect(world.enforcer.finished).toMatchObject([{ facts: { bytesReceived: total } }]);
  });
});

describe('a request', () => {
  it('that a slow upstream does not read holds the agent back, and arrives whole', async () => {
    const total = 64 * MIB;
    let upstream: IncomingMessage | undefined;
    const arrived = new Promise<void>((resolve) => {
      serve = (req, res) => {
        upstream = req;
        req.once('end', () => res.end('done'));
        resolve();
      };
    });
    const wire = await tunnel(world, 'plain.test:80');
    wire.send(`POST / HTTP/1.1\r\nHost: plain.test\r\nContent-Length: ${total}\r\n\r\n`);
    let sent = 0;
    const piece = Buffer.alloc(64 * 1024, 'x');
    const more = (): void => {
      while (sent < total) {
        sent += piece.length;
        if (!wire.socket.write(piece)) {
          wire.socket.once('drain', more);
          return;
        }
      }
    };
    more();
    await arrived;
    expect(await settled(() => sent)).toBeLessThan(24 * MIB);
    let received = 0;
    upstream?.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    await wire.until('done');
    expect(received).toBe(total);
    expect(world.enforcer.finished).toMatchObject([{ facts: { bytesSent: total } }]);
    wire.destroy();
  });

  it('that is answered before it was sent whole still gets its answer, and the connection goes on', async () => {
    serve = (req, res) => {
      if (req.url === '/next') res.end('next');
      else res.writeHead(413).end('too much');
    };
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 200000\r\n\r\nx`);
    expect(await wire.until('too much')).toMatch(/^HTTP\/1\.1 413 /);
    wire.send('x'.repeat(199_999));
    expect(await wire.send(`GET /next HTTP/1.1\r\n${HEAD}\r\n`).until('next')).toContain('200 OK');
    wire.destroy();
  });

  it('reaches the upstream while it is being sent', async () => {
    let upstream: IncomingMessage | undefined;
    const arrived = new Promise<void>((resolve) => {
      serve = (req, res) => {
        upstream = req;
        req.once('end', () => res.end('done')).pause();
        resolve();
      };
    });
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n`);
    await arrived;
    if (upstream === undefined) throw new Error('nothing arrived');
    const first = once(upstream, 'data');
    upstream.resume();
    expect(String(await first)).toBe('first');
    wire.send('0\r\n\r\n');
    await wire.until('done');
    wire.destroy();
  });
});
