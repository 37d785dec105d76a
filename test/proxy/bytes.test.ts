import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BudgetLine } from '@firma/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate } from './gate.ts';
import { bodyOf, tlsTunnel } from './wire.ts';
import { startWorld, type World } from './world.ts';

const HEAD = 'Host: api.test\r\n';
const LINES: readonly BudgetLine[] = [{ name: 'traffic', charged: 0, remaining: 10 }];
const NO_ROOM = { outcome: 'ABORT', scope: 'call', reason: 'BUDGET_EXCEEDED' };

let world: World;
/** What the upstream got of each call that reached it. */
let arrived: string[];
let broken: number;
let respond: (res: ServerResponse) => void;

beforeEach(async () => {
  arrived = [];
  broken = 0;
  respond = (res) => res.end('answer');
  world = await startWorld({
    'api.test:443': (req: IncomingMessage, res: ServerResponse) => {
      let body = '';
      req.setEncoding('latin1');
      req.on('data', (piece: string) => (body += piece));
      req.on('end', () => {
        arrived.push(body);
        respond(res);
      });
      res.once('close', () => {
        if (!res.writableFinished) broken += 1;
      });
    },
  });
  world.enforcer.verdict = () => ({ budgets: LINES });
});

afterEach(() => world.close());

/** Grants so many bytes in all. */
function roomFor(total: number): (bytes: number) => boolean {
  let left = total;
  return (bytes) => {
    if (bytes > left) return false;
    left -= bytes;
    return true;
  };
}

const later =
  (room: (bytes: number) => boolean) =>
  async (bytes: number): Promise<boolean> => {
    await Promise.resolve();
    return room(bytes);
  };

async function finished(): Promise<unknown> {
  await world.enforcer.until(() => world.enforcer.finished.length === 1);
  return world.enforcer.finished[0]?.facts;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

describe('the bytes of a call', () => {
  it.each([
    ['streamed', 'none'],
    ['read before', 'whole'],
  ] as const)('are asked for both ways before they pass (a body that is %s)', async (_what, need) => {
    world.enforcer.bodyNeed = need;
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 5\r\nConnection: close\r\n\r\nhello`);
    expect(bodyOf(await wire.end())).toContain('answer');
    expect(arrived).toEqual(['hello']);
    expect(world.enforcer.taken).toEqual([5, 6]);
    expect(await finished()).toMatchObject({ status: 200, bytesSent: 5, bytesReceived: 6 });
  });

  it('of a call that nothing counts are not asked for where it was read before', async () => {
    world.enforcer.verdict = () => ({});
    world.enforcer.bodyNeed = 'whole';
    world.enforcer.room = (bytes) => bytes !== 5;
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 5\r\nConnection: close\r\n\r\nhello`);
    expect(bodyOf(await wire.end())).toContain('answer');
  });

  it('wait, in order, for an answer that takes its time', async () => {
    respond = (res) => {
      for (const piece of ['one', 'two', 'three']) res.write(piece);
      res.end();
    };
    const asked = gate();
    const given = gate();
    world.enforcer.room = async (bytes) => {
      if (bytes === 5) return true;
      asked.open();
      await given.opened;
      return true;
    };
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 5\r\nConnection: close\r\n\r\nhello`);
    await asked.opened;
    expect(wire.text).toBe('');
    given.open();
    expect((await wire.end()).replaceAll(/\r\n[0-9a-f]+\r\n/g, '')).toMatch(/onetwothree[^a-z]*$/);
    expect(await finished()).toMatchObject({ bytesSent: 5, bytesReceived: 11 });
  });

  it('wait where the upstream hangs up meanwhile, and arrive whole', async () => {
    const asked = gate();
    const given = gate();
    respond = (res) => {
      res.shouldKeepAlive = false;
      res.end('x'.repeat(200_000));
      res.socket?.once('close', () => given.open());
    };
    world.enforcer.room = async (bytes) => {
      if (bytes === 200_000) return true;
      asked.open();
      await Promise.resolve();
      return true;
    };
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
    await asked.opened;
    expect(bodyOf(await wire.end())).toHaveLength(200_000);
    await given.opened;
    expect(sum(world.enforcer.taken)).toBe(200_000);
  });
});

describe.each([
  ['at once', (room: (bytes: number) => boolean) => room],
  ['later', later],
])('a call without room, said %s,', (_when, said) => {
  it.each(['none', 'whole'] as const)('for its body is told so, and none of it leaves (%s)', async (need) => {
    world.enforcer.bodyNeed = need;
    world.enforcer.room = said(roomFor(0));
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 5\r\nConnection: close\r\n\r\nhello`);
    const answer = await wire.end();
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(JSON.parse(bodyOf(answer))).toMatchObject({ firma: NO_ROOM });
    expect(arrived).toEqual([]);
    expect(await finished()).toMatchObject({ bytesSent: 0, bytesReceived: 0, reason: 'BUDGET_EXCEEDED' });
    expect(world.enforcer.taken).toEqual([5]);
    expect(world.enforcer.committed).toEqual([]);
  });

  it.each(['none', 'whole'] as const)(
    'for all of the piece its body begins with sends none of it, and costs nothing (%s)',
    async (need) => {
      world.enforcer.bodyNeed = need;
      world.enforcer.maxBodyBytes = 64 * 1024;
      world.enforcer.room = said(roomFor(1003));
      const wire = await tlsTunnel(world, 'api.test:443');
      wire.send(
        `POST / HTTP/1.1\r\n${HEAD}Content-Length: 2000\r\nConnection: close\r\n\r\n${'x'.repeat(2000)}`,
      );
      expect(await wire.end()).toMatch(/^HTTP\/1\.1 403 /);
      expect(await finished()).toMatchObject({ bytesSent: 0, reason: 'BUDGET_EXCEEDED' });
      expect(arrived).toEqual([]);
      expect(world.enforcer.committed).toEqual([]);
    },
  );

  it('for all of its answer sees as much as there is room for', async () => {
    const limit = 100_003;
    world.enforcer.room = said(roomFor(limit));
    respond = (res) => res.end('x'.repeat(200_000));
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
    expect(bodyOf(await wire.end())).toBe('x'.repeat(limit));
    expect(await finished()).toMatchObject({ bytesReceived: limit, reason: 'BUDGET_EXCEEDED' });
    // Once a call, and not once a piece.
    expect(world.enforcer.taken.length).toBeLessThan(60);
  });

  it('for the rest of a body it streams is told so', async () => {
    world.enforcer.room = said(roomFor(5));
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 10\r\n\r\nhello`);
    await world.enforcer.until(() => world.enforcer.taken.length === 1);
    wire.send('again');
    expect(await wire.until('BUDGET_EXCEEDED')).toMatch(/^HTTP\/1\.1 403 /);
    expect(arrived).toEqual([]);
    expect(await finished()).toMatchObject({ bytesSent: 5, reason: 'BUDGET_EXCEEDED' });
    expect(world.enforcer.committed).toHaveLength(1);
    wire.destroy();
  });

  it('for the first bytes of its answer is told so, and sees none of them', async () => {
    world.enforcer.room = said(roomFor(0));
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
    const answer = await wire.end();
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(bodyOf(answer)).not.toContain('answer');
    expect(await finished()).toMatchObject({ status: 200, bytesReceived: 0, reason: 'BUDGET_EXCEEDED' });
  });

  it('for the rest of its answer is cut, and its upstream with it', async () => {
    world.enforcer.room = said(roomFor(5));
    let more: () => void = () => undefined;
    respond = (res) => {
      res.write('begun');
      more = () => void res.write('more');
    };
    const wire = await tlsTunnel(world, 'api.test:443');
    await wire.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`).until('begun');
    more();
    const text = await wire.end();
    expect(text).not.toContain('more');
    expect(text).not.toContain('\r\n0\r\n\r\n');
    expect(await finished()).toMatchObject({ status: 200, bytesReceived: 5, reason: 'BUDGET_EXCEEDED' });
    expect(world.enforcer.finished).toHaveLength(1);
  });
});

describe('a body without a byte', () => {
  it('of unknown length is committed and arrives', async () => {
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`);
    expect(bodyOf(await wire.end())).toContain('answer');
    expect(arrived).toEqual(['']);
    expect(world.enforcer.committed).toHaveLength(1);
  });
});

describe('a call whose room is being asked for', () => {
  it('and whose agent hangs up ends, and asks for nothing more', async () => {
    const asked = gate();
    const given = gate();
    respond = (res) => {
      res.write('one');
      res.write('two');
    };
    world.enforcer.room = async () => {
      asked.open();
      await given.opened;
      return true;
    };
    const wire = await tlsTunnel(world, 'api.test:443');
    wire.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await asked.opened;
    wire.destroy();
    await finished();
    given.open();
    await new Promise((resolve) => setImmediate(resolve));
    expect(world.enforcer.taken).toHaveLength(1);
    expect(world.enforcer.finished).toMatchObject([{ facts: { bytesReceived: 0 } }]);
  });
});
