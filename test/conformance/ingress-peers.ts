import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdapterOptions, Ingress } from '../../src/ingress/port.ts';
import { HeldHandler } from '../ingress/held-handler.ts';
import { RawClient } from '../ingress/raw-client.ts';

const DECIDE =
  'POST /v1/decide HTTP/1.1\r\nhost: anything\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
const ASK =
  'GET /ext_authz/user?x HTTP/1.1\r\nhost: api.github.com\r\nX-Forwarded-Proto: https\r\nx-a: 1\r\nx-a: 2\r\n\r\n';

/** What an adapter of the decision API does for its Unix socket, and for peers that it is told to trust. */
export function ingressPeers(name: string, start: (options: AdapterOptions) => Promise<Ingress>): void {
  describe(`the decision API ${name}, to whom it listens`, () => {
    const handler = new HeldHandler();
    let folder: string;
    let socketPath: string;
    let ingress: Ingress | undefined;
    let clients: RawClient[] = [];

    const open = async (more: Partial<AdapterOptions> = {}): Promise<Ingress> => {
      const listen = { host: '127.0.0.1', port: 0 };
      ingress = await start({ listen, trusted: [], isShared: false, handler, ...more });
      return ingress;
    };
    const client = (at: number | string): RawClient => {
      const opened = new RawClient(at);
      clients.push(opened);
      return opened;
    };

    beforeEach(() => {
      handler.reset();
      folder = mkdtempSync(join(tmpdir(), 'firma-'));
      socketPath = join(folder, 'ingress.sock');
    });
    afterEach(async () => {
      for (const opened of clients) opened.end();
      clients = [];
      await ingress?.close();
      ingress = undefined;
      rmSync(folder, { recursive: true });
    });

    it('serves its Unix socket whatever `Host` is sent, and trusts it', async () => {
      await open({ socketPath });
      expect((await client(socketPath).send(DECIDE).answer())?.status).toBe(200);
      expect((await client(socketPath).send(ASK).answer())?.status).toBe(200);
      expect(handler.requests).toMatchObject([
        { method: 'POST', target: '/v1/decide', isTrusted: true },
        { method: 'GET', target: '/ext_authz/user?x', isTrusted: true },
      ]);
      expect(handler.requests[1]?.headers).toEqual([
        'host',
        'api.github.com',
        'x-forwarded-proto',
        'https',
        'x-a',
        '1',
        'x-a',
        '2',
      ]);
    });

    it('makes its Unix socket its owner’s alone, leaves nothing else, and takes it away', async () => {
      const before = process.umask();
      const opened = await open({ socketPath });
      expect(statSync(socketPath).mode & 0o7777).toBe(0o600);
      expect(process.umask()).toBe(before);
      expect(readdirSync(folder)).toEqual(['ingress.sock']);
      const one = client(socketPath);
      expect((await one.send(DECIDE).answer())?.status).toBe(200);
      await opened.close();
      await one.closed;
      ingress = undefined;
      expect(readdirSync(folder)).toEqual([]);
    });

    it('takes the place of a socket that a killed process left behind', async () => {
      const script =
        'require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
      expect(spawnSync(process.execPath, ['-e', script, socketPath]).signal).toBe('SIGKILL');
      expect(statSync(socketPath).isSocket()).toBe(true);
      await open({ socketPath });
      expect((await client(socketPath).send(DECIDE).answer())?.status).toBe(200);
    });

    it('leaves alone what is in use, or is no socket, and listens nowhere then', async () => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(socketPath, resolve));
      await expect(open({ socketPath })).rejects.toMatchObject({ code: 'START_FAILED' });
      await new Promise((resolve) => other.close(resolve));

      writeFileSync(socketPath, 'precious');
      await expect(open({ socketPath })).rejects.toMatchObject({ code: 'START_FAILED' });
      expect(statSync(socketPath).size).toBe(8);

      const long = join(folder, 'x'.repeat(110));
      await expect(open({ socketPath: long })).rejects.toMatchObject({
        code: 'START_FAILED',
        message: expect.stringContaining('too long'),
      });
      mkdirSync(join(folder, 'gone'));
      rmSync(join(folder, 'gone'), { recursive: true });
      await expect(open({ socketPath: join(folder, 'gone', 's') })).rejects.toMatchObject({
        code: 'START_FAILED',
      });
      expect(readdirSync(folder)).toEqual(['ingress.sock']);
    });

    it('believes what peers in a trusted network say of others, whatever `Host` that names', async () => {
      const { port } = await open({ trusted: ['10.0.0.0/8', '127.0.0.1/32'] });
      expect((await client(port).send(ASK).answer())?.status).toBe(200);
      expect(handler.requests[0]).toMatchObject({ isTrusted: true, target: '/ext_authz/user?x' });
      // Elsewhere the `Host` has to be ours all the same.
      expect((await client(port).send(DECIDE).answer())?.status).toBe(421);
    });

    it('believes nobody else', async () => {
      const { port } = await open({ trusted: ['10.0.0.0/8', '127.0.0.2/32', '::1/128'] });
      expect((await client(port).send(ASK).answer())?.status).toBe(403);
      expect(handler.requests).toEqual([]);
    });

    it('asks about every method, and answers HEAD without a body', async () => {
      await open({ socketPath });
      for (const method of ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        const one = new RawClient(socketPath, '', method === 'HEAD');
        clients.push(one);
        const answer = await one.send(ASK.replace('GET', method)).answer();
        expect(answer?.status).toBe(200);
        expect(answer?.headers.get('x-firma-outcome')).toBe('ALLOW');
        expect(handler.requests.at(-1)?.method).toBe(method);
      }
    });

    it('hands over the body that Envoy sends along, and none of more than 128 KiB', async () => {
      await open({ socketPath });
      const withBody = (length: number): string =>
        ASK.replace('GET', 'POST').replace('x-a: 1', `content-length: ${length}`) + 'b'.repeat(length);
      expect((await client(socketPath).send(withBody(4)).answer())?.status).toBe(200);
      expect(handler.bodies).toEqual(['bbbb']);
      expect(
        (
          await client(socketPath)
            .send(withBody(128 * 1024 + 1))
            .answer()
        )?.status,
      ).toBe(413);
    });

    it('tells connections apart where it can', async () => {
      const { port, adapter } = await open();
      const request = DECIDE.replace('anything', `127.0.0.1:${port}`);
      for (const one of [client(port), client(port)]) {
        for (let i = 0; i < 2; i++) expect((await one.send(request).answer())?.status).toBe(200);
      }
      const sources = handler.requests.map(({ source }) => source);
      expect(sources[0]).toBe(sources[1]);
      expect(sources[2]).toBe(sources[3]);
      // uWebSockets.js tells the address alone.
      expect(sources[0] === sources[2]).toBe(adapter === 'uws');
    });
  });
}
