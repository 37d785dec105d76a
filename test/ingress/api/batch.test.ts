import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ApiHandler } from '../../../src/ingress/api.ts';
import { BatchReader } from '../../../src/ingress/api/batch-reader.ts';
import type { Answer } from '../../../src/ingress/port.ts';
import { decisionOf, posted, requestOf, ScriptedService, WITH_KEY } from '../scripted-service.ts';

const CALL = { token: 't', method: 'GET', url: 'https://api.github.com/user' };

interface Decisions {
  readonly decisions: readonly { readonly detail?: string; readonly error?: { readonly code: string } }[];
}

function decisionsOf({ status, body }: Answer): Decisions['decisions'] {
  expect(status).toBe(200);
  return (JSON.parse(body) as Decisions).decisions;
}

describe('POST /v1/decide/batch', () => {
  let service: ScriptedService;
  let api: ApiHandler;

  beforeEach(() => {
    service = new ScriptedService();
    service.answer = ({ url }) => ({ decision: decisionOf({ detail: url }) });
    api = new ApiHandler(service);
  });

  const batch = async (calls: readonly unknown[], headers: readonly string[] = []) =>
    decisionsOf(await api.handle(posted('/v1/decide/batch', { calls }, headers)));
  const urls = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ ...CALL, url: `https://a.example/${i}` }));

  it('decides a thousand calls in their order', async () => {
    const calls = urls(1_000);
    expect((await batch(calls)).map(({ detail }) => detail)).toEqual(calls.map(({ url }) => url));
    expect(await batch([])).toEqual([]);
  });

  it('answers in their order also what is decided in another, and starts each in turn', async () => {
    const later: (() => void)[] = [];
    service.answer = ({ url }) =>
      new Promise((resolve) => {
        later.unshift(() => resolve({ decision: decisionOf({ detail: url }) }));
        queueMicrotask(() => later.pop()?.());
      });
    const calls = urls(50);
    expect((await batch(calls)).map(({ detail }) => detail)).toEqual(calls.map(({ url }) => url));
    expect(service.asked.map(({ call }) => call.url)).toEqual(calls.map(({ url }) => url));
  });

  it('lets at most eight calls wait at once', async () => {
    let waiting = 0;
    let most = 0;
    service.answer = async () => {
      most = Math.max(most, ++waiting);
      await Promise.resolve();
      waiting--;
      return { decision: decisionOf() };
    };
    expect(await batch(urls(100))).toHaveLength(100);
    expect(most).toBeLessThanOrEqual(8);
  });

  it('lets the thread do something else meanwhile', async () => {
    let atEnd = false;
    const answering = batch(urls(1_000)).then((decisions) => {
      atEnd = true;
      return decisions;
    });
    const seen: boolean[] = [];
    setImmediate(() => seen.push(atEnd));
    expect(await answering).toHaveLength(1_000);
    expect(seen).toEqual([false]);
  });

  it('tells a bad call in its place, and decides the others', async () => {
    const entries = await batch([
      CALL,
      { ...CALL, unknown: 1 },
      null,
      'x',
      [CALL],
      { ...CALL, receipt: true },
      { ...CALL, more: 'x'.repeat(128 * 1024) },
      { ...CALL, commit: 'manual' },
      CALL,
    ]);
    expect(entries.map(({ error }) => error?.code)).toEqual([
      undefined,
      'BAD_REQUEST',
      'BAD_REQUEST',
      'BAD_REQUEST',
      'BAD_REQUEST',
      'BAD_REQUEST',
      'BAD_REQUEST',
      'UNAUTHENTICATED',
      undefined,
    ]);
    expect(service.asked).toHaveLength(2);
  });

  it('lets an enforcement point settle its calls itself', async () => {
    await batch([{ ...CALL, commit: 'manual' }], WITH_KEY);
    expect(service.asked[0]?.options.commit).toBe('manual');
  });

  it.each([
    '{"method":"GET","method":"PUT","url":"https://a.example/"}',
    '{"method":"GET" "url":"x"}',
    '{"method":"GET","url":"\\ud800x","body":"\\ud800"}',
  ])('tells of %s in its place', async (text) => {
    const answer = await api.handle(requestOf('POST', '/v1/decide/batch', `{"calls":[${text}]}`));
    expect(decisionsOf(answer)).toEqual([{ error: { code: 'BAD_REQUEST', message: expect.any(String) } }]);
    expect(service.asked).toEqual([]);
  });

  it('decides nothing of a batch of 1,001', async () => {
    const answer = await api.handle(posted('/v1/decide/batch', { calls: urls(1_001) }));
    expect(answer.status).toBe(413);
    expect(answer.body).toContain('1000');
    expect(service.asked).toEqual([]);
  });

  it.each([
    '',
    '{}',
    '[]',
    '{"calls":{}}',
    '{"calls":[}',
    '{"calls":[]',
    '{"calls":[]}x',
    '{"calls":[],"calls":[]}',
    '{"calls":[],"more":1}',
    '{"more":1,"calls":[]}',
    '{"calls":[,]}',
    '{"calls":[{}}]}',
    '{"calls":[{"method":"GET","url":"https://a.example/"},]}',
    '{"calls":[{"method":"GET","url":"https://a.example/"}',
    '{"calls":[{"method":"GET","url":"https://a.example/"}]',
    '{"calls":["]}',
    `{"calls":[${'['.repeat(5_000)}`,
    `{"calls":[${'['.repeat(9)}${']'.repeat(9)}]}`,
  ])('is not %s, of which nothing is decided', async (text) => {
    const answer = await api.handle(requestOf('POST', '/v1/decide/batch', text));
    expect(answer.status).toBe(400);
    expect(service.asked).toEqual([]);
  });
});

describe('the reader of a batch', () => {
  it('finds what JSON.parse finds, in pieces of any size', () => {
    const value = fc.json({ maxDepth: 3 }).filter((text) => (text.match(/[[{]/g) ?? []).length < 6);
    const space = fc.constantFrom('', ' ', '\n\t');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(space, value, space)),
        fc.integer({ min: 1, max: 64 }),
        (parts, piece) => {
          const text = `{ "calls" :[${parts.map(([a, json, b]) => a + json + b).join(',')}] }`;
          const bytes = new TextEncoder().encode(text);
          const reader = new BatchReader(bytes);
          let read = reader.read(piece);
          while (read === 'more') read = reader.read(piece);
          expect(read).toBe('done');
          const found: unknown[] = [];
          for (let i = 0; i < reader.bounds.length; i += 2) {
            const part = bytes.subarray(reader.bounds[i], reader.bounds[i + 1]);
            found.push(JSON.parse(new TextDecoder().decode(part)));
          }
          expect(found).toEqual((JSON.parse(text) as { calls: unknown[] }).calls);
        },
      ),
    );
  });

  it('ends with any bytes whatever', () => {
    const pieces = fc.constantFrom(
      '{"calls":[',
      '[',
      ']',
      '{',
      '}',
      '"',
      '\\',
      ',',
      ':',
      ' ',
      'a',
      '{"a":1}',
      '1',
    );
    fc.assert(
      fc.property(fc.array(pieces), (parts) => {
        const text = `{"calls":[${parts.join('')}`;
        const reader = new BatchReader(new TextEncoder().encode(text));
        let read = reader.read(3);
        for (let turns = 0; read === 'more'; turns++) {
          expect(turns).toBeLessThanOrEqual(text.length);
          read = reader.read(3);
        }
        expect(reader.bounds.length % 2).toBe(0);
      }),
    );
  });
});
