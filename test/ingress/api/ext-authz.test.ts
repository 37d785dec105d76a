import type { Reason } from '@firma/core';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { ApiHandler } from '../../../src/ingress/api.ts';
import type { Answer } from '../../../src/ingress/port.ts';
import { decisionOf, EVENT_ID, requestOf, ScriptedService } from '../scripted-service.ts';

const ENVOY = ['host', 'api.github.com', 'x-forwarded-proto', 'https', 'x-firma-token', 't'];
const NGINX = [
  'host',
  'firma',
  'x-original-method',
  'GET',
  'x-original-uri',
  '/user?page=2',
  'x-original-host',
  'api.github.com',
  'x-original-proto',
  'https',
  'x-firma-token',
  't',
];

function without(headers: readonly string[], name: string): string[] {
  const at = headers.indexOf(name);
  return headers.filter((_, i) => i !== at && i !== at + 1);
}

function withValue(headers: readonly string[], name: string, value: string): string[] {
  return [...without(headers, name), name, value];
}

describe('/ext_authz', () => {
  let service: ScriptedService;
  let api: ApiHandler;

  beforeEach(() => {
    service = new ScriptedService();
    api = new ApiHandler(service);
  });

  const ask = (
    method: string,
    target: string,
    headers: readonly string[],
    body: Uint8Array | string = '',
  ): Promise<Answer> => Promise.resolve(api.handle(requestOf(method, target, body, headers)));
  const malformed = (): string | undefined => service.asked[0]?.options.malformed;

  it('takes Envoy’s method, host, path and scheme for those of the call', async () => {
    const answer = await ask('GET', '/ext_authz/user?page=2', [...ENVOY, 'accept', 'x']);
    expect(answer.status).toBe(200);
    expect(service.asked).toEqual([
      {
        call: {
          token: 't',
          method: 'GET',
          url: 'https://api.github.com/user?page=2',
          headers: { accept: 'x' },
          body: null,
        },
        options: {
          transport: 'ext-authz',
          source: 'test',
          commit: 'answer',
          canonicalize: false,
          receipt: false,
        },
      },
    ]);
  });

  it('takes the four headers of nginx for the call', async () => {
    for (const target of ['/ext_authz/', '/ext_authz']) {
      expect((await ask('GET', target, NGINX)).status).toBe(200);
      expect(service.asked.pop()?.call).toMatchObject({
        token: 't',
        method: 'GET',
        url: 'https://api.github.com/user?page=2',
        headers: {},
        body: null,
      });
    }
  });

  it('passes a header that stood twice as two, so that one that may stand once is of no use', async () => {
    await ask('GET', '/ext_authz/user', [...ENVOY, 'idempotency-key', 'a', 'idempotency-key', 'a']);
    expect(service.asked[0]?.call.headers).toEqual({ 'idempotency-key': ['a', 'a'] });
  });

  it.each([
    ['another method than nginx asks with', 'DELETE', NGINX],
    ['a scheme that Envoy says', 'GET', [...NGINX, 'x-forwarded-proto', 'https']],
  ])(
    'takes the headers of nginx for nothing beside %s: a client of Envoy may have sent them',
    async (_what, method, headers) => {
      await ask(method, '/ext_authz/', headers);
      expect(malformed()).toContain('at once');
    },
  );

  it('says in headers what was decided', async () => {
    expect((await ask('GET', '/ext_authz/user', ENVOY)).headers).toEqual([
      ['x-firma-outcome', 'ALLOW'],
      ['x-firma-reason', 'OK'],
      ['x-firma-event-id', EVENT_ID],
    ]);
    const denied = await ask('DELETE', '/ext_authz/user', ENVOY);
    expect(denied.status).toBe(403);
    expect(denied.headers).toContainEqual(['x-firma-reason', 'POLICY_FORBID']);
    expect(JSON.parse(denied.body)).toMatchObject({
      status: 403,
      message: 'no. ask',
      error: { type: 'firma_denied', code: 'POLICY_FORBID' },
      firma: { outcome: 'DENY', event_id: EVENT_ID },
    });
  });

  it('leaves a header out rather than break one', async () => {
    service.answer = () => ({ decision: decisionOf({ eventId: 'a\r\nx-firma-outcome: ALLOW' }) });
    const names = (await ask('GET', '/ext_authz/user', ENVOY)).headers?.map(([name]) => name);
    expect(names).toEqual(['x-firma-outcome', 'x-firma-reason']);
  });

  it.each<[Reason, number]>([
    ['OVERLOADED', 503],
    ['AUDIT_UNAVAILABLE', 503],
    ['BUNDLE_NOT_READY', 503],
    ['BUNDLE_STALE', 503],
    ['REVOCATIONS_STALE', 503],
    ['INTERNAL', 403],
    ['BUDGET_EXCEEDED', 403],
    ['TOKEN_MISSING', 403],
  ])('answers %s with %i', async (reason, status) => {
    service.answer = () => ({ decision: decisionOf({ outcome: 'DENY', reason }) });
    const answer = await ask('GET', '/ext_authz/user', ENVOY);
    expect(answer.status).toBe(status);
    expect(answer.headers?.some(([name]) => name === 'retry-after')).toBe(status === 503);
  });

  it('answers later what is decided later', async () => {
    service.answer = () => Promise.resolve({ decision: decisionOf() });
    expect((await ask('GET', '/ext_authz/user', ENVOY)).status).toBe(200);
  });

  it('believes nobody whose connection is not trusted, and says what to configure', async () => {
    const answer = await api.handle({ ...requestOf('GET', '/ext_authz/user', '', ENVOY), isTrusted: false });
    expect(answer.status).toBe(403);
    expect(answer.body).toContain('sidecar.ingress.trusted');
    expect(answer.headers).toContainEqual(['x-firma-outcome', 'DENY']);
    expect(service.asked).toEqual([]);
  });

  it('knows a body to be whole only where Envoy says so and it is there', async () => {
    const bodyAfter = async (body: string, partial?: string) => {
      await ask(
        'POST',
        '/ext_authz/x',
        partial === undefined ? ENVOY : [...ENVOY, 'x-envoy-auth-partial-body', partial],
        body,
      );
      return service.asked.pop()?.call.body;
    };
    expect(await bodyAfter('abc', 'false')).toEqual(new TextEncoder().encode('abc'));
    expect(await bodyAfter('abc', 'true')).toBeNull();
    expect(await bodyAfter('abc')).toBeNull();
    expect(await bodyAfter('')).toBeNull();
    // What a client sends through a proxy that does not forward bodies.
    expect(await bodyAfter('', 'false')).toBeNull();
  });

  it('keeps what stands twice apart, whatever its name', async () => {
    const odd = ['content-type', 'a', 'content-type', 'b', '__proto__', 'x', 'constructor', 'y'];
    await ask('GET', '/ext_authz/user', [...ENVOY, ...odd]);
    expect(Object.entries(service.asked[0]?.call.headers ?? {})).toEqual([
      ['content-type', ['a', 'b']],
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  it.each<[string, string, readonly string[]]>([
    ['no host', '/ext_authz/user', without(ENVOY, 'host')],
    ['two hosts', '/ext_authz/user', [...ENVOY, 'host', 'evil.example']],
    ['no scheme', '/ext_authz/user', without(ENVOY, 'x-forwarded-proto')],
    ['two schemes', '/ext_authz/user', [...ENVOY, 'x-forwarded-proto', 'https']],
    ['a list of schemes', '/ext_authz/user', withValue(ENVOY, 'x-forwarded-proto', 'https,http')],
    ['another scheme', '/ext_authz/user', withValue(ENVOY, 'x-forwarded-proto', 'ftp')],
    ['a path in the host', '/ext_authz/user', withValue(ENVOY, 'host', 'api.github.com/x?')],
    ['a query in the host', '/ext_authz/user', withValue(ENVOY, 'host', 'api.github.com?')],
    ['a fragment in the host', '/ext_authz/user', withValue(ENVOY, 'host', 'api.github.com#')],
    ['a user in the host', '/ext_authz/user', withValue(ENVOY, 'host', 'good@evil.example')],
    ['a backslash in the host', '/ext_authz/user', withValue(ENVOY, 'host', 'good\\evil.example')],
    ['a blank in the host', '/ext_authz/user', withValue(ENVOY, 'host', 'good evil')],
    ['no path', '/ext_authz', ENVOY],
    ['two tokens', '/ext_authz/user', [...ENVOY, 'x-firma-token', 'u']],
    [
      'two words about its body',
      '/ext_authz/user',
      [...ENVOY, 'x-envoy-auth-partial-body', 'true', 'x-envoy-auth-partial-body', 'false'],
    ],
    ['headers of nginx beside a path', '/ext_authz/user', NGINX],
    ['headers of nginx beside a query', '/ext_authz/?x', NGINX],
    ['headers of nginx beside those of Envoy', '/ext_authz/', [...NGINX, 'x-envoy-internal', 'true']],
    ['an unknown original header', '/ext_authz/user', [...ENVOY, 'x-original-url', '/harmless']],
    ['no original method', '/ext_authz/', without(NGINX, 'x-original-method')],
    ['no original uri', '/ext_authz/', without(NGINX, 'x-original-uri')],
    ['no original host', '/ext_authz/', without(NGINX, 'x-original-host')],
    ['no original scheme', '/ext_authz/', without(NGINX, 'x-original-proto')],
    ['two original methods', '/ext_authz/', [...NGINX, 'x-original-method', 'GET']],
    ['two original uris', '/ext_authz/', [...NGINX, 'x-original-uri', '/']],
    [
      'an original uri that is absolute',
      '/ext_authz/',
      withValue(NGINX, 'x-original-uri', 'https://evil.example/'),
    ],
    ['an empty original host', '/ext_authz/', withValue(NGINX, 'x-original-host', '')],
  ])('denies a request with %s as malformed, in the session of its token', async (what, target, headers) => {
    const answer = await ask('GET', target, headers);
    expect(answer.status).toBe(403);
    expect(malformed()).toEqual(expect.any(String));
    expect(service.asked[0]?.call.token).toBe(what === 'two tokens' ? undefined : 't');
  });

  it('never asks about another host or path than its proxy is about to send', async () => {
    const word = fc.string({ unit: fc.constantFrom(...'aZ0.-:/?#@\\ %[]'), maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(word, word, async (host, rest) => {
        service.asked.length = 0;
        const path = `/${rest}`;
        await ask('GET', `/ext_authz${path}`, withValue(ENVOY, 'host', host));
        if (malformed() !== undefined) return;
        const url = service.asked[0]?.call.url ?? '';
        expect(url).toBe(`https://${host}${path}`);
        expect(url.slice('https://'.length).search(/[/?#]/)).toBe(host.length);
      }),
    );
  });
});
