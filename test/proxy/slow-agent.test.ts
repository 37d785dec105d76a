import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tlsTunnel } from './wire.ts';
import { startWorld, type World } from './world.ts';

const PIECE = 'x'.repeat(40_000);

// A raw answer, and how its connection ends.
const ANSWERS: Readonly<Record<string, { readonly head: string; readonly reset: boolean }>> = {
  '/length': { head: 'Connection: close\r\nContent-Length: 40000\r\n', reset: false },
  '/eof': { head: '', reset: false },
  '/reset': { head: 'Connection: close\r\nContent-Length: 90000\r\n', reset: true },
  '/reset-eof': { head: 'Connection: close\r\n', reset: true },
};

describe('an upstream that ends its connection behind an agent that does not read', () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  let others: NodeJS.UncaughtExceptionListener[];
  let closed: (() => void)[];
  let world: World;

  beforeEach(async () => {
    uncaught.length = 0;
    closed = [];
    others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', note);
    world = await startWorld({
      'api.test:443': ({ socket, url = '' }: IncomingMessage, _res: ServerResponse) => {
        const answer = ANSWERS[url];
        if (answer === undefined) return;
        socket.once('close', () => closed.shift()?.());
        const bytes = `HTTP/1.1 200 OK\r\n${answer.head}\r\n${PIECE}`;
        if (answer.reset) socket.write(bytes, () => setImmediate(() => socket.destroy(new Error('reset'))));
        else socket.end(bytes);
      },
    });
  });

  afterEach(async () => {
    await world.close();
    process.removeAllListeners('uncaughtException');
    for (const other of others) process.on('uncaughtException', other);
  });

  it.each(Object.keys(ANSWERS))('does not end the process: %s', async (path) => {
    for (let turn = 0; turn < 5; turn++) {
      const wire = await tlsTunnel(world, 'api.test:443');
      const ended = new Promise<void>((resolve) => closed.push(resolve));
      wire.socket.pause();
      wire.send(`GET ${path} HTTP/1.1\r\nHost: api.test\r\n\r\n`.repeat(8));
      await ended;
      // Both ends of the connection have to have seen its end.
      await new Promise((resolve) => setImmediate(resolve));
      wire.destroy();
    }
    await world.close();
    expect(uncaught.map(String)).toEqual([]);
  });
});
