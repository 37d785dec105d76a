import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ApiHandler } from '../../src/ingress/api.ts';
import { type AdapterOptions, type Ingress, MAX_BATCH_BYTES } from '../../src/ingress/port.ts';
import { type RawAnswer, RawClient } from '../ingress/raw-client.ts';
import { decisionOf, ScriptedService } from '../ingress/scripted-service.ts';

const CALL = '{"token":"t","method":"GET","url":"https://api.github.com/user"}';

/**
 * What an adapter of the decision API does with requests that mean harm: a 4xx with a reason, or a connection that ends,
 * and meanwhile the neighbour gets its answer.
 */
export function ingressHostility(name: string, start: (options: AdapterOptions) => Promise<Ingress>): void {
  describe(`the decision API ${name}, under attack`, () => {
    const service = new ScriptedService();
    let ingress: Ingress;
    let clients: RawClient[] = [];

    const client = (): RawClient => {
      const opened = new RawClient(ingress.port, ingress.host);
      clients.push(opened);
      return opened;
    };
    const head = (line: string, ...headers: string[]): string =>
      [`${line} HTTP/1.1`, `host: 127.0.0.1:${ingress.port}`, ...headers, '', ''].join('\r\n');
    const post = (body: Buffer | string, path = '/v1/decide'): Buffer => {
      const length = `content-length: ${Buffer.byteLength(body)}`;
      return Buffer.concat([
        Buffer.from(head(`POST ${path}`, 'content-type: application/json', length)),
        Buffer.from(body),
      ]);
    };

    /** One that holds a connection open before, in the middle of its body, and gets its answer afterwards. */
    const neighbour = async (): Promise<() => Promise<RawAnswer | undefined>> => {
      const one = client();
      const request = post(CALL).toString();
      await one.flushed(request.slice(0, -9));
      return () => one.send(request.slice(-9)).answer();
    };

    beforeAll(async () => {
      const listen = { host: '127.0.0.1', port: 0 };
      ingress = await start({ listen, trusted: [], isShared: false, handler: new ApiHandler(service) });
    });
    beforeEach(() => {
      for (const opened of clients) opened.end();
      clients = [];
      service.asked.length = 0;
      service.answer = () => ({ decision: decisionOf() });
    });
    afterAll(async () => {
      for (const opened of clients) opened.end();
      await ingress.close();
    });

    it('loses no header behind many: it is told of all, or the request is refused', async () => {
      const junk = Array.from({ length: 1_100 }, () => 'a: b');
      const request = head('POST /v1/decide', ...junk, 'content-length: 2', 'content-length: 3');
      const answer = await client().send(`${request}{}`).answer();
      expect([400, 431, undefined]).toContain(answer?.status);
      expect(service.asked).toEqual([]);
    });

    it.each<[string, Buffer | string]>([
      ['that is a byte too long', `${CALL}${' '.repeat(128 * 1024 + 1 - CALL.length)}`],
      ['that is no UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d])],
      ['with an overlong escape', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
      ['of deep lists', '['.repeat(100_000)],
      ['of deep objects', '{"a":'.repeat(20_000)],
      ['with a key twice', CALL.replace('{', '{"token":"u",')],
      ['with an unknown field', CALL.replace('{', '{"admin":true,')],
      ['that is another body', 'a=b&c=d'],
    ])('refuses a body %s with a reason', async (_what, body) => {
      const ask = await neighbour();
      const one = client();
      const answer = await one.send(post(body)).answer();
      expect(answer?.status).toBeGreaterThanOrEqual(400);
      expect(answer?.status).toBeLessThan(500);
      expect(JSON.parse(answer?.body ?? '')).toMatchObject({ error: { message: expect.any(String) } });
      expect(service.asked).toEqual([]);
      expect((await ask())?.status).toBe(200);
    });

    it('refuses a body of 2 MB, or cuts it off', async () => {
      const ask = await neighbour();
      const one = client();
      const answer = await one.send(post(Buffer.alloc(2 * 1024 * 1024, 'x'))).answer();
      expect(answer?.status ?? 413).toBe(413);
      await one.closed;
      expect(service.asked).toEqual([]);
      expect((await ask())?.status).toBe(200);
    });

    it('takes a batch of a thousand calls, and none of 1,001', async () => {
      const batch = (calls: number): string => `{"calls":[${Array(calls).fill(CALL).join(',')}]}`;
      const whole = await client()
        .send(post(batch(1_000), '/v1/decide/batch'))
        .answer();
      expect(whole?.status).toBe(200);
      expect((JSON.parse(whole?.body ?? '') as { decisions: unknown[] }).decisions).toHaveLength(1_000);
      const ask = await neighbour();
      expect(
        (
          await client()
            .send(post(batch(1_001), '/v1/decide/batch'))
            .answer()
        )?.status,
      ).toBe(413);
      expect((await ask())?.status).toBe(200);
    });

    it('ends a batch that sends without an end', async () => {
      const ask = await neighbour();
      const one = client();
      one.send(head('POST /v1/decide/batch', 'content-type: application/json', 'transfer-encoding: chunked'));
      const size = 1024 * 1024;
      const piece = `${size.toString(16)}\r\n${' '.repeat(size)}\r\n`;
      for (let sent = 0; sent <= MAX_BATCH_BYTES + 2 * size; sent += size) one.send(piece);
      await one.closed;
      expect((await ask())?.status).toBe(200);
    });

    it('serves on beside connections that are half closed', async () => {
      const ask = await neighbour();
      const early = client().send(post(CALL).subarray(0, -9));
      early.finish();
      await early.closed;
      expect((await early.answer())?.status ?? 400).toBe(400);
      expect(service.asked).toEqual([]);
      const late = client().send(post(CALL));
      late.finish();
      await late.closed;
      // Whoever closes its half may get its answer or not; a wrong one it never gets.
      expect([200, undefined]).toContain((await late.answer())?.status);
      expect((await ask())?.status).toBe(200);
    });

    it.each<[string, (text: string) => string]>([
      ['a length and chunks', (text) => text.replace('\r\n', '\r\ntransfer-encoding: chunked\r\n')],
      [
        'chunks and a length',
        (text) => text.replace('content-length', 'transfer-encoding: chunked\r\ncontent-length'),
      ],
      ['two lengths', (text) => text.replace('\r\n', '\r\ncontent-length: 0\r\n')],
      [
        'two lengths that are one',
        (text) => text.replace(/content-length: (\d+)/, 'content-length: $1\r\ncontent-length: $1'),
      ],
      ['a list of lengths', (text) => text.replace(/content-length: (\d+)/, 'content-length: $1, $1')],
      ['a length with a blank inside', (text) => text.replace(/content-length: (\d)/, 'content-length: $1 ')],
      ['a blank before a colon', (text) => text.replace('content-length:', 'content-length :')],
      [
        'a blank before a coding’s colon',
        (text) => text.replace(/content-length: \d+/, 'transfer-encoding : chunked'),
      ],
      [
        'two codings',
        (text) =>
          text.replace(/content-length: \d+/, 'transfer-encoding: chunked\r\ntransfer-encoding: identity'),
      ],
      [
        'a list of codings',
        (text) => text.replace(/content-length: \d+/, 'transfer-encoding: identity, chunked'),
      ],
      ['a coding in disguise', (text) => text.replace(/content-length: \d+/, 'transfer-encoding: xchunked')],
      [
        'a folded header',
        (text) => text.replace('content-type: application', 'content-type:\r\n application'),
      ],
      ['a folded coding', (text) => text.replace(/content-length: \d+/, 'transfer-encoding:\r\n chunked')],
      [
        'a header behind a bare LF',
        (text) => text.replace('\r\n', '\r\nx: y\ntransfer-encoding: chunked\r\n'),
      ],
      ['bare LFs', (text) => text.replaceAll('\r\n', '\n')],
      ['a bare CR', (text) => text.replace('\r\n', '\r\nx: y\rtransfer-encoding: chunked\r\n')],
      ['a NUL in a header', (text) => text.replace('\r\n', '\r\nx: a\0b\r\n')],
      ['a header without a name', (text) => text.replace('\r\n', '\r\n: x\r\n')],
      ['a line that is no header', (text) => text.replace('\r\n', '\r\nnonsense\r\n')],
    ])('decides no request with %s, and ends its connection', async (_what, spoil) => {
      const ask = await neighbour();
      const one = client();
      const smuggled = head('DELETE /v1/decide');
      one.send(spoil(post(`0\r\n\r\n${smuggled}`).toString()));
      one.finish();
      const answer = await one.answer();
      expect(answer?.status ?? 400).toBeGreaterThanOrEqual(400);
      // The add-on answers what it cannot parse by itself, without a body.
      expect([ingress.adapter, answer?.body]).not.toEqual(['node', '']);
      await one.closed;
      expect(await one.answer()).toBeUndefined();
      expect(service.asked).toEqual([]);
      expect((await ask())?.status).toBe(200);
    });

    it.each([
      ['a size that is none', 'zz\r\nabc\r\n0\r\n\r\n'],
      ['a negative size', '-3\r\nabc\r\n0\r\n\r\n'],
      ['a size with a sign', '+3\r\nabc\r\n0\r\n\r\n'],
      ['a size beyond numbers', 'ffffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
      ['a size in 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
      ['no size', '\r\nabc\r\n0\r\n\r\n'],
      ['more than its size', '1\r\nabc\r\n0\r\n\r\n'],
    ])('decides no body in chunks with %s', async (_what, chunks) => {
      const ask = await neighbour();
      const one = client();
      one.send(
        head('POST /v1/decide', 'content-type: application/json', 'transfer-encoding: chunked'),
        chunks,
      );
      one.finish();
      expect((await one.answer())?.status ?? 400).toBeGreaterThanOrEqual(400);
      await one.closed;
      expect(service.asked).toEqual([]);
      expect((await ask())?.status).toBe(200);
    });

    it('lets nothing that is sent on one connection be read on another', async () => {
      const garbage = fc.array(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.constantFrom(
            CALL,
            'POST /v1/decide HTTP/1.1\r\n',
            'content-length: 5\r\n',
            '\r\n',
            '\r\n\r\n',
            '0\r\n\r\n',
          ),
        ),
        { maxLength: 8 },
      );
      await fc.assert(
        fc.asyncProperty(garbage, fc.boolean(), async (parts, behindARequest) => {
          const ask = await neighbour();
          const one = client();
          if (behindARequest) one.send(post(CALL));
          one.send(parts.join(''));
          one.finish();
          await one.closed;
          expect((await ask())?.status).toBe(200);
        }),
        { numRuns: 30 },
      );
    });
  });
}
