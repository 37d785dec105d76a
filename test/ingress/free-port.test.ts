import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../src/ingress/free-port.ts';
import type { Ingress } from '../../src/ingress/port.ts';
import { startUwsIngress } from '../../src/ingress/uws.ts';
import { loadUws } from '../../src/ingress/uws-module.ts';
import { startNodeIngress } from '../../src/ingress/node.ts';

const ANY = { host: '127.0.0.1', port: 0 };

describe('a port for several workers', () => {
  it('is one that nobody listens on', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(ANY, resolve));
    const { port } = server.address() as AddressInfo;
    await expect(freePort({ ...ANY, port })).rejects.toMatchObject({ code: 'START_FAILED' });
    await new Promise((resolve) => server.close(resolve));
    expect(await freePort({ ...ANY, port })).toEqual({ ...ANY, port });
    expect((await freePort(ANY)).port).toBeGreaterThan(0);
  });

  it('is shared by servers on uWebSockets.js, and then free for nobody', async () => {
    const uws = await loadUws();
    if (uws === undefined) throw new Error('uWebSockets.js does not load');
    const options = { trusted: [], isShared: true, handler: { handle: () => ({ status: 200, body: '{}' }) } };
    await expect(startUwsIngress(uws, { ...options, listen: ANY })).rejects.toMatchObject({
      code: 'START_FAILED',
    });
    const listen = await freePort(ANY);
    const opened: Ingress[] = [];
    try {
      opened.push(await startUwsIngress(uws, { ...options, listen }));
      opened.push(await startUwsIngress(uws, { ...options, listen }));
      expect(opened.map(({ port }) => port)).toEqual([listen.port, listen.port]);
      await expect(freePort(listen)).rejects.toMatchObject({ code: 'START_FAILED' });
    } finally {
      for (const ingress of opened) await ingress.close();
    }
  });

  it('is shared by none on node:http, which says what to do', async () => {
    const handler = { handle: () => ({ status: 200, body: '{}' }) };
    await expect(
      startNodeIngress({ listen: ANY, trusted: [], isShared: true, handler }),
    ).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('workers = 1'),
    });
  });
});
