import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiHandler } from '../../src/ingress/api.ts';
import { startNodeIngress } from '../../src/ingress/node.ts';
import type { AdapterOptions, Ingress } from '../../src/ingress/port.ts';
import { startUwsIngress } from '../../src/ingress/uws.ts';
import { loadUws } from '../../src/ingress/uws-module.ts';
import { NGINX, type Nginx, startNginx } from './nginx.ts';
import { type RawAnswer, RawClient } from './raw-client.ts';
import { ScriptedService } from './scripted-service.ts';

async function startUws(options: AdapterOptions): Promise<Ingress> {
  const uws = await loadUws();
  if (uws === undefined) throw new Error('uWebSockets.js does not load');
  return startUwsIngress(uws, options);
}

const entrances = [
  { name: 'uWebSockets.js, on its Unix socket', start: startUws, onSocket: true },
  { name: 'node:http, as a trusted peer', start: startNodeIngress, onSocket: false },
];

describe.skipIf(!existsSync(NGINX) && process.env['CI'] === undefined).each(entrances)(
  'nginx in front of $name',
  ({ start, onSocket }) => {
    let folder: string;
    let service: ScriptedService;
    let ingress: Ingress;
    let nginx: Nginx;

    const ask = async (line: string, ...headers: string[]): Promise<RawAnswer | undefined> => {
      const one = new RawClient(nginx.front);
      const text = [`${line} HTTP/1.1`, 'host: api.github.com', ...headers, '', ''].join('\r\n');
      const answer = await one.send(text).answer();
      one.end();
      return answer;
    };

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'firma-'));
      service = new ScriptedService();
      const socketPath = join(folder, 'ingress.sock');
      const listen = { host: '127.0.0.1', port: 0 };
      const handler = new ApiHandler(service);
      ingress = await start({ listen, socketPath, trusted: ['127.0.0.1/32'], isShared: false, handler });
      nginx = await startNginx(folder, onSocket ? `unix:${socketPath}` : `127.0.0.1:${ingress.port}`);
    });
    afterEach(async () => {
      await nginx.close();
      await ingress.close();
      rmSync(folder, { recursive: true });
    });

    it('lets through what is allowed, and nothing else', async () => {
      const allowed = await ask('GET /user?page=2', 'x-firma-token: t', 'accept: x');
      expect([allowed?.status, allowed?.body]).toEqual([200, 'passed']);
      expect(service.asked[0]).toMatchObject({
        call: { token: 't', method: 'GET', url: 'https://api.github.com/user?page=2', body: null },
        options: { transport: 'ext-authz' },
      });
      expect(service.asked[0]?.call.headers).toMatchObject({ accept: 'x' });

      const denied = await ask('DELETE /user', 'x-firma-token: t');
      expect(denied?.status).toBe(403);
      expect(denied?.headers.get('x-firma-reason')).toBe('POLICY_FORBID');
      const body = await ask('POST /user', 'x-firma-token: t', 'content-length: 0');
      expect(body?.status).toBe(403);
      expect(service.asked.at(-1)?.call).toMatchObject({ method: 'POST', body: null });
    });

    it('asks about the call itself, whatever its client says of another', async () => {
      const spoofed = [
        'x-original-uri: /harmless',
        'x-original-method: HEAD',
        'x-original-host: good.example',
      ];
      expect((await ask('DELETE /user', ...spoofed))?.status).toBe(403);
      expect(service.asked[0]?.call).toMatchObject({ method: 'DELETE', url: 'https://api.github.com/user' });
      expect((await ask('GET /user', 'x-firma-token: t', 'x-firma-token: u'))?.status).toBe(403);
      expect(service.asked[1]?.options.malformed).toEqual(expect.any(String));
    });

    it('lets nothing through where nobody decides', async () => {
      service.answer = () => Promise.reject(new Error('no'));
      expect((await ask('GET /user'))?.status).toBe(500);
      await ingress.close();
      expect((await ask('GET /user'))?.status).toBe(500);
    });
  },
);
