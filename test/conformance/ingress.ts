import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AdapterOptions, Ingress } from '../../src/ingress/port.ts';
import { HeldHandler } from '../ingress/held-handler.ts';
import { type RawAnswer, RawClient } from '../ingress/raw-client.ts';

const MAX_BODY = 128 * 1024;
const FREE_PORT = { host: '127.0.0.1', port: 0 };

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * What every adapter of the decision API has to do, good requests and bad ones.
 */
export function ingressConformance(name: string, start: (options: AdapterOptions) => Promise<Ingress>): void {
  describe(`the decision API ${name}`, () => {
    const handler = new HeldHandler();
    let ingress: Ingress;
    const clients: RawClient[] = [];

    const client = (toHead = false): RawClient => {
      const opened = new RawClient(ingress.port, ingress.host, toHead);
      clients.push(opened);
      return opened;
    };
    const host = (): string => `127.0.0.1:${ingress.port}`;
    const head = (line: string, ...headers: string[]): string =>
      [`${line} HTTP/1.1`, `host: ${host()}`, ...headers, '', ''].join('\r\n');
    const post = (body: string, ...headers: string[]): string =>
      head(
        'POST /v1/decide',
        'content-type: application/json',
        `content-length: ${body.length}`,
        ...headers,
      ) + body;
    const ask = async (text: string): Promise<RawAnswer | undefined> => {
      const one = client().send(text);
      const answer = await one.answer();
      one.end();
      return answer;
    };

    beforeAll(async () => {
      ingress = await start({ handler, listen: FREE_PORT, trusted: [], isShared: false });
    });
    beforeEach(() => {
      handler.reset();
      for (const opened of clients.splice(0)) opened.end();
    });
    afterAll(async () => {
      for (const opened of clients) opened.end();
      handler.reset();
      await ingress.close();
    });

    it('hands a call to the handler byte by byte and answers with what it says', async () => {
      const body = '{"a":"\xe9\x00\x7f"}';
      const answer = await client()
        .send(post(body).slice(0, -body.length), Buffer.from(body, 'latin1'))
        .answer();
      expect(answer?.status).toBe(200);
      expect(answer?.headers.get('content-type')).toBe('application/json');
      expect(answer?.body).toBe(`{"got":"${createHash('sha256').update(body, 'latin1').digest('hex')}"}`);
      expect(handler.bodies).toEqual([body]);
    });

    it('puts a body together that comes in pieces, counted or in chunks', async () => {
      const counted = client();
      await counted.flushed(post('{"a":1}').slice(0, -4));
      expect((await counted.send('":1}'.slice(-4)).answer())?.status).toBe(200);
      const chunked = client();
      const headers = ['content-type: application/json', 'transfer-encoding: chunked'];
      await chunked.flushed(`${head('POST /v1/decide', ...headers)}3\r\n{"a\r\n`);
      expect((await chunked.send('4\r\n":1}\r\n0\r\n\r\n').answer())?.status).toBe(200);
      expect(handler.bodies).toEqual(['{"a":1}', '{"a":1}']);
    });

    it('answers one call after the other on one connection', async () => {
      const one = client();
      for (const body of ['1', '22', '333']) {
        expect((await one.send(post(body)).answer())?.body).toContain(sha256(body));
      }
    });

    it('gives each of many callers its own answer', async () => {
      const bodies = Array.from({ length: 200 }, (_, i) => JSON.stringify({ call: i }));
      const answers = await Promise.all(bodies.map((body) => ask(post(body))));
      expect(answers.map((answer) => answer?.body)).toEqual(
        bodies.map((body) => `{"got":"${sha256(body)}"}`),
      );
    });

    it('says when to come back where nobody decided', async () => {
      const answer = await ask(post('"overload"'));
      expect(answer?.status).toBe(503);
      expect(answer?.headers.get('retry-after')).toBe('1');
    });

    it('says how it is', async () => {
      const answer = await ask(head('GET /healthz'));
      expect([answer?.status, answer?.body]).toEqual([200, '{"status":"ok"}']);
    });

    it.each([
      ['GET /', 404],
      ['GET /v1/decide/', 404],
      ['GET /V1/DECIDE', 404],
      ['GET /v1/decide%2f', 404],
      ['GET //healthz', 404],
      ['GET /v1/decide', 405],
      ['PUT /v1/decide', 405],
      ['DELETE /v1/decide', 405],
      ['OPTIONS /v1/decide', 405],
      ['GET /v1/decide/batch', 405],
      ['GET /v1/commit', 405],
      ['GET /v1/rollback', 405],
      ['GET /access/v1/evaluation', 405],
      ['POST /healthz', 405],
      ['DELETE /readyz', 405],
      ['PUT /metrics', 405],
      ['POST /openapi.json', 405],
      ['POST /.well-known/authzen-configuration', 405],
      ['POST /v1/events/x/proof', 405],
      ['GET /v1/events//proof', 404],
      ['GET /v1/events/proof', 404],
      ['GET /v1/events/x', 404],
      ['GET /ext_authzx', 404],
      ['GET /ext_authz%2f', 404],
    ])('answers `%s` with %i', async (line, status) => {
      const answer = await ask(head(line));
      expect(answer?.status).toBe(status);
      expect(answer?.headers.get('allow')).toBe(
        status === 404 ? undefined : line.startsWith('GET') || line.includes(' /v1/decide') ? 'POST' : 'GET',
      );
      expect(handler.bodies).toEqual([]);
    });

    it('looks at no query', async () => {
      expect((await ask(head('GET /healthz?a=b')))?.status).toBe(200);
      expect((await ask(post('{}').replace('/v1/decide', '/v1/decide?x=/healthz')))?.status).toBe(200);
    });

    it.each([
      ['GET', '/readyz'],
      ['GET', '/openapi.json'],
      ['GET', '/.well-known/authzen-configuration'],
      ['GET', '/v1/events/x/proof?y=z'],
      ['POST', '/v1/decide/batch'],
      ['POST', '/v1/commit'],
      ['POST', '/v1/rollback'],
      ['POST', '/access/v1/evaluation?x'],
    ])('hands `%s %s` to the handler as it came', async (method, target) => {
      const headers = method === 'GET' ? [] : ['content-type: application/json', 'content-length: 2'];
      const answer = await ask(head(`${method} ${target}`, ...headers) + (method === 'GET' ? '' : '{}'));
      expect(answer?.status).toBe(200);
      expect(handler.requests).toMatchObject([{ method, target, isTrusted: false }]);
    });

    it('answers with the headers and the content type it is told', async () => {
      expect((await ask(post('{}')))?.headers.get('x-firma-outcome')).toBe('ALLOW');
      expect((await ask(head('GET /metrics')))?.headers.get('content-type')).toBe('text/plain');
    });

    it('hands over the headers that a decision reads, by lower-case name', async () => {
      await ask(post('{}', 'Authorization: Bearer A', 'x-other: 1', 'AUTHORIZATION: Bearer B'));
      expect(handler.requests[0]?.headers).toEqual([
        'authorization',
        'Bearer A',
        'authorization',
        'Bearer B',
      ]);
    });

    it('tells of callers over TCP that are not trusted nothing about the calls of others', async () => {
      for (const line of ['GET /ext_authz/x', 'POST /ext_authz/', 'DELETE /ext_authz']) {
        const answer = await ask(head(line, 'x-firma-token: t', 'x-forwarded-proto: https'));
        expect(answer?.status).toBe(403);
        expect(answer?.headers.get('x-firma-reason')).toBe('UNTRUSTED_PEER');
        expect(answer?.body).toContain('sidecar.ingress.trusted');
      }
      expect(handler.requests).toEqual([]);
    });

    it('sends no body in answer to HEAD', async () => {
      const one = client(true);
      expect((await one.send(head('HEAD /healthz')).answer())?.status).toBe(405);
      expect((await one.send(head('HEAD /nowhere')).answer())?.status).toBe(404);
    });

    it.each([
      ['application/json', 200],
      ['Application/JSON; charset=utf-8', 200],
      ['text/plain', 415],
      ['application/x-www-form-urlencoded', 415],
      ['application/jsonp', 415],
      ['text/plain; application/json', 415],
      ['', 415],
    ])('answers content type `%s` with %i', async (type, status) => {
      expect((await ask(post('{}').replace('application/json', type)))?.status).toBe(status);
      expect(handler.bodies).toHaveLength(status === 200 ? 1 : 0);
    });

    it('needs a content type: a page in a browser could send a form without asking', async () => {
      expect((await ask(post('{}').replace('content-type: application/json\r\n', '')))?.status).toBe(415);
    });

    it.each([
      ['localhost', true],
      ['LOCALHOST', true],
      ['127.0.0.1', true],
      ['[::1]', true],
      ['attacker.example', false],
      ['127.0.0.1.attacker.example', false],
      ['localhost.', false],
      ['10.0.0.1', false],
      ['', false],
    ])('serves `Host: %s:<port>`: %s', async (name, served) => {
      const answer = await ask(post('{}').replace(host(), `${name}:${ingress.port}`));
      expect(answer?.status).toBe(served ? 200 : 421);
      expect(handler.bodies).toHaveLength(served ? 1 : 0);
    });

    it('serves no `Host` with another port or without one', async () => {
      expect((await ask(post('{}').replace(host(), '127.0.0.1:1')))?.status).toBe(421);
      expect((await ask(post('{}').replace(host(), '127.0.0.1')))?.status).toBe(421);
    });

    it('takes a body of 128 KiB and none that is a byte longer, counted or in chunks', async () => {
      const exact = 'x'.repeat(MAX_BODY);
      expect((await ask(post(exact)))?.body).toContain(sha256(exact));
      expect((await ask(post(`${exact}x`)))?.status).toBe(413);
      const chunked = head('POST /v1/decide', 'content-type: application/json', 'transfer-encoding: chunked');
      const size = (MAX_BODY + 1).toString(16);
      expect((await ask(`${chunked}${size}\r\n${exact}x\r\n0\r\n\r\n`))?.status).toBe(413);
      expect(handler.bodies).toEqual([exact]);
    });

    it('ends a connection that sends without an end', async () => {
      const one = client();
      one.send(head('POST /v1/decide', 'content-type: application/json', 'transfer-encoding: chunked'));
      const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
      for (let i = 0; i < 64; i++) one.send(piece);
      await one.closed;
      const declared = client();
      expect((await declared.send(post('').replace(': 0', ': 99999999')).answer())?.status).toBe(413);
      await declared.closed;
      expect(handler.bodies).toEqual([]);
    });

    it.each([
      ['two hosts', (text: string) => text.replace('\r\n', '\r\nhost: localhost\r\n')],
      ['two lengths', (text: string) => text.replace('\r\n', '\r\ncontent-length: 1\r\n')],
      ['two content types', (text: string) => text.replace('\r\n', '\r\ncontent-type: application/json\r\n')],
      ['a length and chunks', (text: string) => text.replace('\r\n', '\r\ntransfer-encoding: chunked\r\n')],
      ['another coding', (text: string) => text.replace('content-length: 2', 'transfer-encoding: gzip')],
      [
        'a coding before chunks',
        (text: string) => text.replace('content-length: 2', 'transfer-encoding: gzip, chunked'),
      ],
      ['a signed length', (text: string) => text.replace(': 2', ': +2')],
      ['a negative length', (text: string) => text.replace(': 2', ': -2')],
      ['a hexadecimal length', (text: string) => text.replace(': 2', ': 0x2')],
      ['HTTP/1.0', (text: string) => text.replace('HTTP/1.1', 'HTTP/1.0')],
      ['HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['no HTTP', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
      ['an absolute target', (text: string) => text.replace('POST /', 'POST http://127.0.0.1/')],
      ['headers of 17 KiB', (text: string) => text.replace('\r\n', `\r\nx: ${'y'.repeat(17 * 1024)}\r\n`)],
      ['CONNECT', () => `CONNECT 127.0.0.1:1 HTTP/1.1\r\nhost: 127.0.0.1:1\r\n\r\n`],
    ])('does not decide a request with %s, and ends its connection', async (_what, spoil) => {
      const one = client();
      const answer = await one.send(spoil(post('{}'))).answer();
      expect(answer?.status ?? 400).toBeGreaterThanOrEqual(400);
      await one.closed;
      expect(handler.bodies).toEqual([]);
    });

    it('ends a connection that sends a second call before the first is answered, and answers neither', async () => {
      const arrived = handler.hold();
      const one = client().send(post('"first"'));
      await arrived;
      one.send(post('"second"'));
      await one.closed;
      handler.release();
      expect(await one.answer()).toBeUndefined();
      expect(handler.bodies).toEqual(['"first"']);
      expect((await ask(post('"third"')))?.status).toBe(200);
    });

    it('answers questions that need no decision in order, also when they come together', async () => {
      const one = client().send(head('GET /healthz') + head('GET /nowhere') + head('GET /healthz'));
      expect(
        [await one.answer(), await one.answer(), await one.answer()].map((answer) => answer?.status),
      ).toEqual([200, 404, 200]);
    });

    it('goes on when a caller leaves before its answer', async () => {
      const arrived = handler.hold();
      const one = client().send(post('"leaves"'));
      await arrived;
      one.end();
      await one.closed;
      handler.release();
      expect((await ask(post('"stays"')))?.status).toBe(200);
    });

    it('goes on when a caller leaves in the middle of its body', async () => {
      const one = client();
      await one.flushed(post('"leaves"').slice(0, -3));
      one.end();
      await one.closed;
      expect((await ask(post('"stays"')))?.status).toBe(200);
      expect(handler.bodies).toEqual(['"stays"']);
    });

    it('serves on after any bytes whatever', async () => {
      const pieces = [
        post('{}'),
        head('GET /healthz'),
        head('HEAD /healthz', 'content-length: 1'),
        head('HEAD /v1/decide'),
        `POST /v1/decide HTTP/1.1\r\nhost: ${host()}\r\ncontent-type: application/json\r\n`,
        'content-length: 3\r\n',
        'transfer-encoding: chunked\r\n',
        'expect: 100-continue\r\n',
        'upgrade: websocket\r\nconnection: upgrade\r\n',
        'connection: close\r\n',
        '3\r\nabc\r\n',
        'ffffffffffffffffff\r\n',
        '0\r\n\r\n',
        '\r\n',
        '\r',
        '\n',
        '\0',
        ': ',
      ];
      const requests = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 12 });
      await fc.assert(
        fc.asyncProperty(requests, fc.boolean(), async (parts, atOnce) => {
          const one = client();
          if (atOnce) one.send(parts.join(''));
          else for (const part of parts) await one.flushed(part);
          one.finish();
          await one.closed;
          expect((await ask(head('GET /healthz')))?.status).toBe(200);
        }),
        { numRuns: 150 },
      );
    });

    it('holds so many connections at most, and serves on when they are gone', async () => {
      const crowded = await start({
        handler,
        listen: FREE_PORT,
        trusted: [],
        isShared: false,
        maxConnections: 64,
      });
      const connect = (): RawClient => new RawClient(crowded.port, crowded.host);
      const opened = Array.from({ length: 80 }, connect);
      let ended = 0;
      await new Promise<void>((resolve) => {
        for (const one of opened) void one.closed.then(() => ++ended === 16 && resolve());
      });
      for (const one of opened) one.end();
      await Promise.all(opened.map((one) => one.closed));
      const request = `GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:${crowded.port}\r\n\r\n`;
      const late = connect();
      expect((await late.send(request).answer())?.status).toBe(200);
      late.end();
      await crowded.close();
    });

    it('leaves a port that is in use alone, and names it', async () => {
      const listen = { host: ingress.host, port: ingress.port };
      await expect(start({ handler, listen, trusted: [], isShared: false })).rejects.toMatchObject({
        code: 'START_FAILED',
        message: expect.stringContaining(String(ingress.port)),
      });
      expect((await ask(head('GET /healthz')))?.status).toBe(200);
    });

    it('closed, it ends its connections and listens no more', async () => {
      const passing = await start({ handler, listen: FREE_PORT, trusted: [], isShared: false });
      const open = new RawClient(passing.port, passing.host);
      const request = `GET /healthz HTTP/1.1\r\nhost: 127.0.0.1:${passing.port}\r\n\r\n`;
      expect((await open.send(request).answer())?.status).toBe(200);
      await passing.close();
      await open.closed;
      const late = new RawClient(passing.port, passing.host).send(request);
      await late.closed;
      expect(await late.answer()).toBeUndefined();
    });
  });
}
