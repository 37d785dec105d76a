import { describe, expect, it } from 'vitest';
import type { Resource } from '../../native-free-core/normalizer/envelope.ts';
import type { Normalizer } from '../../native-free-core/normalizer/normalizer.ts';
import { bytes, classify, isRefusal, normalizerOf, request, type RequestParts } from './request.ts';
import { normalizer, readings } from './sample-table.ts';

function resource(url: string): Resource | undefined {
  const matched = normalizer.match(request('GET', url));
  return isRefusal(matched) ? undefined : matched.first.resource;
}

describe('a call with one reading', () => {
  it('becomes an envelope', () => {
    const raw = request('GET', 'https://H.example/repos/Octo/./Hello/?q=1', { bodyLength: undefined });
    const matched = normalizer.match(raw);
    if (isRefusal(matched)) throw new Error(matched.detail);
    expect(matched).toMatchObject({ bodyNeed: 'none', others: [] });
    expect(normalizer.envelope(matched, undefined)).toEqual({
      target: {
        scheme: 'https',
        host: 'h.example',
        port: 443,
        path: '/repos/Octo/Hello/',
        matchPath: '/repos/Octo/Hello',
        query: '?q=1',
      },
      method: 'GET',
      transport: 'in-process',
      bodyBytes: Number.MAX_SAFE_INTEGER,
      readings: [
        {
          actionClass: expect.objectContaining({ name: 'code.read' }),
          params: {},
          rule: 'table.toml:2',
          resource: {
            host: 'h.example',
            port: 443,
            path: '/repos/octo/hello',
            scheme: 'https',
            provider: '',
            method: 'GET',
            uid: 'h.example/repos/octo/hello',
            hostGroups: ['eu'],
            foldMask: 0b110,
          },
        },
      ],
    });
  });

  it('answers HEAD as a GET rule does, and keeps the method', () => {
    expect(readings('HEAD', 'https://h.example/repos/o/r')).toEqual(['code.read HEAD h.example/repos/o/r']);
  });

  it('names the resource by scheme, host, port and path', () => {
    expect(resource('http://plain.example/a')?.uid).toBe('http://plain.example/a');
    expect(resource('https://[2001:DB8::0:1]:8443/')?.uid).toBe('[2001:db8::1]:8443/');
    expect(resource('https://api.github.com/x')?.provider).toBe('github');
  });

  it('knows the groups of its host', () => {
    expect(resource('https://a.models.example/x')?.hostGroups).toEqual(['model']);
    expect(resource('https://a.eu.models.example/x')?.hostGroups).toEqual(['eu', 'model']);
    expect(resource('https://api.github.com/x')?.hostGroups).toEqual([]);
  });
});

describe('a call that is refused', () => {
  it.each([
    ['GET', 'https://user@h.example/items/1'],
    ['GET', 'https://h.example/../items/1'],
    ['TRACE', 'https://h.example/items/1'],
    ['get', 'https://h.example/items/1'],
    ['GET /items/2 HTTP/1.1', 'https://h.example/items/1'],
    ['', 'https://h.example/items/1'],
  ])('%j %s is MALFORMED_REQUEST', (method, url) => {
    expect(readings(method, url)).toBe('MALFORMED_REQUEST');
  });

  it('is MALFORMED_REQUEST where Host contradicts the target', () => {
    expect(readings('GET', 'https://h.example/items/1', { headers: { host: 'api.github.com' } })).toBe(
      'MALFORMED_REQUEST',
    );
    expect(
      readings('GET', 'https://h.example/items/1', { headers: { host: ['h.example', 'h.example'] } }),
    ).toBe('MALFORMED_REQUEST');
  });

  it('is UNCLASSIFIED_ACTION where no rule matches, and names the nearest rule but never the path', () => {
    const refusal = normalizer.match(request('GET', 'https://h.example/repos/o/s3cret/pulls'));
    expect(refusal).toMatchObject({
      refused: 'UNCLASSIFIED_ACTION',
      detail:
        'no rule matches this path of `h.example` for `GET`; the nearest is ' +
        '`DELETE h.example /repos/*/*` at table.toml:9',
      target: { host: 'h.example' },
    });
    expect(normalizer.match(request('GET', 'https://evil.example/s3cret'))).toMatchObject({
      detail: 'no rule names the host `evil.example` on port 443',
    });
    expect(normalizer.match(request('PROPFIND', 'https://a.models.example/'))).toMatchObject({
      refused: 'UNCLASSIFIED_ACTION',
      detail: 'no rule names the method `PROPFIND`',
    });
    expect(readings('GET', 'https://h.example:8443/items/1')).toBe('UNCLASSIFIED_ACTION');
    expect(readings('GET', 'http://h.example/items/1')).toBe('UNCLASSIFIED_ACTION');
  });
});

describe('a body', () => {
  const payments = normalizerOf(`
[[rules]]
method = "POST"
host = "h.example"
path = "/pay"
action_class = "payment.transfer"
[rules.params]
amount = "form:amount"

[[rules]]
method = "GET"
host = "h.example"
path = "/pay"
action_class = "payment.read"
`);
  const url = 'https://h.example/pay';
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };

  function needsBody(method: string, parts: RequestParts, target = url): boolean {
    const matched = payments.match(request(method, target, parts));
    return !isRefusal(matched) && matched.bodyNeed === 'whole';
  }

  it('is needed where a rule reads facts from it and there may be one', () => {
    expect(needsBody('POST', { bodyLength: 8 })).toBe(true);
    expect(needsBody('POST', { bodyLength: undefined })).toBe(true);
    expect(needsBody('POST', { bodyLength: 0 })).toBe(false);
    expect(needsBody('GET', { bodyLength: 8 })).toBe(false);
  });

  it('is needed where only an overriding reading reads it', () => {
    expect(needsBody('GET', { bodyLength: 8 }, `${url}?_method=POST`)).toBe(true);
    const raw = request('GET', `${url}?_method=POST`, { headers, bodyLength: 8 });
    expect(classify(payments, raw)).toBe('PARAMS_UNREADABLE');
    expect(classify(payments, raw, bytes('amount=7'))).toBe('payment.transfer');
  });

  it('counts with its length where none was declared', () => {
    const raw = request('POST', url, { headers, bodyLength: undefined });
    expect(envelopeOf(payments, raw, bytes('amount=7'))).toMatchObject({
      bodyBytes: 8,
      readings: [{ params: { amount: 7 } }],
    });
  });
});

function envelopeOf(from: Normalizer, raw: ReturnType<typeof request>, body: Uint8Array) {
  const matched = from.match(raw);
  return isRefusal(matched) ? matched : from.envelope(matched, body);
}
