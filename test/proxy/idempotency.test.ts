import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tlsTunnel } from './wire.ts';
import { startWorld, type World } from './world.ts';

// A key that the core saw and the upstream did not would make a second payment free.

let world: World;
let seen: string[][];

beforeEach(async () => {
  seen = [];
  world = await startWorld({
    'api.test:443': (req: IncomingMessage, res) => {
      const keys: string[] = [];
      for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
        if (/^idempotency.key$/i.test(req.rawHeaders[i] ?? '')) keys.push(req.rawHeaders[i + 1] ?? '');
      }
      seen.push(keys);
      res.end();
    },
  });
});

afterEach(() => world.close());

describe('the values of an idempotency header that are decided about', () => {
  it.each([
    ['one', 'Idempotency-Key: k\r\n', ['k']],
    ['one in another case', 'IDEMPOTENCY-KEY: k\r\n', ['k']],
    ['none where `Connection` names it', 'Connection: close, idempotency-key\r\nIdempotency-Key: k\r\n', []],
    ['both of two', 'Idempotency-Key: k\r\nIdempotency-Key: l\r\n', ['k', 'l']],
    ['an empty one', 'Idempotency-Key:\r\n', ['']],
    ['none in another spelling', 'Idempotency_Key: k\r\n', []],
    ['the one beside another spelling', 'idempotency_key: other\r\nIdempotency-Key: k\r\n', ['k']],
  ])('are those that the upstream sees: %s', async (_what, headers, values) => {
    const wire = await tlsTunnel(world, 'api.test:443');
    await wire.send(`POST / HTTP/1.1\r\nHost: api.test\r\n${headers}Content-Length: 0\r\n\r\n`).until('200');
    expect(world.enforcer.decided[0]?.raw.headers.get('idempotency-key') ?? []).toEqual(values);
    expect(seen).toEqual([values]);
    wire.destroy();
  });
});
