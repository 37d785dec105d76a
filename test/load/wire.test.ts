import { describe, expect, it } from 'vitest';
import { parseCallText } from '../../src/call.ts';
import type { MixEndpoint } from '../../src/load/mix.ts';
import { wireOf, type WireOptions } from '../../src/load/wire.ts';

const ENDPOINTS: readonly MixEndpoint[] = [
  {
    method: 'GET',
    url: 'https://a.example/x?y=1',
    headers: { accept: 'text/plain' },
    body: '',
    denied: false,
  },
  { method: 'POST', url: 'http://b.example:81', headers: {}, body: 'größe=1&z=\u{1f600}', denied: false },
];
const TOKEN = 'aaa.bbb.ccc';
const OPTIONS: WireOptions = {
  endpoints: ENDPOINTS,
  hostHeader: '127.0.0.1:8181',
  bodyBytes: 0,
  credentialChars: TOKEN.length,
};

function split(request: string): { readonly lines: readonly string[]; readonly body: string } {
  const bytes = Buffer.from(request, 'latin1');
  // Each character is a byte.
  expect(bytes.toString('latin1')).toBe(request);
  const end = request.indexOf('\r\n\r\n');
  const body = bytes.subarray(end + 4);
  const lines = request.slice(0, end).split('\r\n');
  expect(lines).toContain(`content-length: ${body.length}`);
  return { lines, body: body.toString('utf8') };
}

describe('a request to the decision API', () => {
  it('holds the call of the mix as the API reads it', () => {
    const wire = wireOf('decide', OPTIONS);
    for (const [index, { method, url, headers, body }] of ENDPOINTS.entries()) {
      const sent = split(wire.request(TOKEN, index));
      expect(sent.lines.slice(0, 2)).toEqual(['POST /v1/decide HTTP/1.1', 'host: 127.0.0.1:8181']);
      const call = parseCallText(sent.body);
      expect(call).toEqual({ token: TOKEN, method, url, headers, ...(body === '' ? {} : { body }) });
    }
  });

  it('is filled up to the length that is asked for, and stays longer where it is', () => {
    const wire = wireOf('decide', { ...OPTIONS, bodyBytes: 700 });
    expect(split(wire.request(TOKEN, 0)).body).toHaveLength(700);
    expect(parseCallText(split(wire.request(TOKEN, 0)).body)).toMatchObject({ token: TOKEN, method: 'GET' });
    const long = wireOf('decide', { ...OPTIONS, bodyBytes: 30 });
    expect(split(long.request(TOKEN, 0)).body).not.toContain('padding');
  });
});

describe('a request to ext_authz', () => {
  it('is what Envoy sends: method, path and host of the call, and its scheme', () => {
    const wire = wireOf('ext_authz', OPTIONS);
    expect(split(wire.request(TOKEN, 0)).lines).toEqual([
      'GET /ext_authz/x?y=1 HTTP/1.1',
      'host: a.example',
      'x-forwarded-proto: https',
      `x-firma-token: ${TOKEN}`,
      'accept: text/plain',
      'content-length: 0',
    ]);
    const posted = split(wire.request(TOKEN, 1));
    expect(posted.lines.slice(0, 3)).toEqual([
      'POST /ext_authz/ HTTP/1.1',
      'host: b.example:81',
      'x-forwarded-proto: http',
    ]);
    expect(posted.body).toBe(ENDPOINTS[1]?.body);
  });
});

describe('a request to the proxy', () => {
  it('names its target in full and the session beside it', () => {
    const wire = wireOf('proxy', OPTIONS);
    expect(split(wire.request('dXNlcjpwYXNz', 0)).lines).toEqual([
      'GET https://a.example/x?y=1 HTTP/1.1',
      'host: a.example',
      'proxy-authorization: Basic dXNlcjpwYXNz',
      'accept: text/plain',
      'content-length: 0',
    ]);
  });
});
