import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CallRequest, parseCall, parseCallText, toRawRequest } from '../src/call.ts';

const GOOD = { token: 't', method: 'GET', url: 'https://a.example/x' };

describe('a call', () => {
  it('is taken as it is', () => {
    const call = { ...GOOD, headers: { 'Content-Type': 'text/plain' }, body: 'x' };
    expect(parseCall(call)).toBe(call);
  });

  it.each([
    ['null', null],
    ['a string', 'x'],
    ['a list', [GOOD]],
    ['no method', { url: GOOD.url }],
    ['no url', { method: 'GET' }],
    ['an unknown field', { ...GOOD, transport: 'proxy' }],
    ['a token that is no string', { ...GOOD, token: 1 }],
    ['a token that is null', { ...GOOD, token: null }],
    ['a long token', { ...GOOD, token: 'x'.repeat(16_385) }],
    ['a long method', { ...GOOD, method: 'X'.repeat(33) }],
    ['a long url', { ...GOOD, url: `https://a.example/${'x'.repeat(8192)}` }],
    ['headers in a list', { ...GOOD, headers: [['a', 'b']] }],
    ['a header value that is no string', { ...GOOD, headers: { a: 1 } }],
    ['a header value in a list', { ...GOOD, headers: { a: ['b'] } }],
    ['a header name that is none', { ...GOOD, headers: { 'a b': 'c' } }],
    ['a line break in a header', { ...GOOD, headers: { a: 'b\r\nc: d' } }],
    ['a long header', { ...GOOD, headers: { a: 'x'.repeat(8193) } }],
    [
      '65 headers',
      { ...GOOD, headers: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`h${i}`, ''])) },
    ],
    ['a body that is no string', { ...GOOD, body: {} }],
    ['a long body', { ...GOOD, body: 'x'.repeat(65_537) }],
    ['a body longer than 64 KiB in bytes alone', { ...GOOD, body: 'ä'.repeat(40_000) }],
    ['a lone surrogate in the body', { ...GOOD, body: 'a\ud800b' }],
  ])('is refused with %s', (_what, value) => {
    expect(parseCall(value)).toEqual({ invalid: expect.any(String) });
  });

  it('is refused without a word of what was in it', () => {
    const secret = 'SECRETSECRET';
    for (const value of [
      { ...GOOD, token: [secret] },
      { ...GOOD, [secret]: 1 },
      { ...GOOD, headers: { authorization: `${secret}\n` } },
      { ...GOOD, headers: { [`${secret} `]: '' } },
      { ...GOOD, body: `${secret}\ud800` },
    ]) {
      expect(JSON.stringify(parseCall(value))).not.toContain(secret);
    }
  });
});

describe('a call in JSON', () => {
  it('is the same call', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((one) => !/[\ud800-\udfff]/u.test(one));
    const name = fc.string({ unit: fc.constantFrom(...'abcXYZ-09'), minLength: 1 });
    const calls = fc.record(
      {
        token: text,
        method: fc.constant('GET'),
        url: text,
        body: text,
        headers: fc.dictionary(name, fc.constant(':"\\')),
      },
      { requiredKeys: ['method', 'url'] },
    );
    fc.assert(
      fc.property(calls, (call) => {
        expect(parseCallText(JSON.stringify(call))).toEqual(call);
      }),
    );
  });

  it.each([
    '{"method":"GET","url":"https://a.example/","method":"DELETE"}',
    '{"method":"GET","url":"https://a.example/","\\u006dethod":"DELETE"}',
    '{"method":"GET","url":"https://a.example/","headers":{"a":"1","a":"2"}}',
    '{"method":"GET","url":"https://a.example/","headers":{"a":"1"},"headers":{}}',
    '{"method":"GET","url":"https://a.example/","headers":{"a\\"":"1","a":":","a":"2"}}',
    '{"method":"GET","url":"https://a.example/","body":"x","body":"x"}',
  ])('is refused where a key stands twice: %s', (text) => {
    expect(parseCallText(text)).toEqual({ invalid: expect.any(String) });
  });
});

function request(url: string, more: object = {}): CallRequest {
  return toRawRequest({ method: 'GET', url, ...more }, 'in-process', new Set(['content-type']));
}

describe('the request of a call', () => {
  it.each([
    ['https://a.example/x?y#z', 'https', 'a.example', '/x?y#z'],
    ['http://A.example:80', 'http', 'A.example:80', ''],
    ['https://a.example?x', 'https', 'a.example', '?x'],
    ['https://a.example#x', 'https', 'a.example', '#x'],
    ['https://user@a.example/', 'https', 'user@a.example', '/'],
    ['https://good.example\\@evil.example/', 'https', 'good.example\\@evil.example', '/'],
    ['https:///x', 'https', '', '/x'],
    ['https://a.example//x/../y', 'https', 'a.example', '//x/../y'],
  ])('%s is split and not rewritten', (url, scheme, hostPort, target) => {
    expect(request(url).raw).toMatchObject({ scheme, hostPort, target });
  });

  it.each([
    'ftp://a.example/',
    'HTTPS://a.example/',
    '/x',
    '',
    'a.example',
    'https:/a.example/',
    ' https://a.example/',
  ])('%j has no host, which is malformed', (url) => {
    expect(request(url).raw.hostPort).toBe('');
  });

  it('loses nothing of the URL', () => {
    fc.assert(
      fc.property(
        fc.string().map((rest) => `https://${rest}`),
        (url) => {
          const { scheme, hostPort, target } = request(url).raw;
          expect(`${scheme}://${hostPort}${target}`).toBe(url);
        },
      ),
    );
  });

  it('has the headers that are read, by lower-case name, each value of a name', () => {
    const headers = { 'Content-Type': 'a', 'content-type': 'b', authorization: 'SECRET' };
    expect([...request('https://a.example/', { headers }).raw.headers]).toEqual([
      ['content-type', ['a', 'b']],
    ]);
  });

  it('has a header that many servers read as one that is read', () => {
    const headers = { Content_Type: 'a', 'content-type': 'b' };
    expect([...request('https://a.example/', { headers }).raw.headers]).toEqual([
      ['content-type', ['a', 'b']],
    ]);
  });

  it('has the body in UTF-8, and its length', () => {
    const { raw, body } = request('https://a.example/', { body: 'ä' });
    expect([...(body ?? [])]).toEqual([0xc3, 0xa4]);
    expect(raw.bodyLength).toBe(2);
    expect(request('https://a.example/').raw.bodyLength).toBe(0);
  });

  it('has the bytes of a body as they are', () => {
    const bytes = Uint8Array.of(0xff, 0);
    expect(request('https://a.example/', { body: bytes })).toMatchObject({
      raw: { bodyLength: 2 },
      body: bytes,
    });
  });

  it('has no body and no length of one that was not seen, which JSON cannot say', () => {
    const { raw, body } = request('https://a.example/', { body: null });
    expect([raw.bodyLength, body]).toEqual([undefined, undefined]);
    expect(parseCall({ ...GOOD, body: null })).toHaveProperty('invalid');
    expect(parseCall({ ...GOOD, body: Uint8Array.of(1) })).toHaveProperty('invalid');
  });
});
