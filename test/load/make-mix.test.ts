import { type Mappings, loadMappings } from '@firma/core';
import { describe, expect, it } from 'vitest';
import { makeMix } from '../../src/load/make-mix.ts';
import type { Mix, MixEndpoint } from '../../src/load/mix.ts';
import { readMix } from '../../src/load/read-mix.ts';
import { writeMix } from '../../src/load/write-mix.ts';

function tables(text: string): Mappings {
  return loadMappings([{ file: 'rules.toml', text }]);
}

const TABLES = tables(`
[[rules]]
method = "GET"
host = "api.example.com"
path = "/repos/*/files/**"
action_class = "code.read"

[[rules]]
method = "POST"
host = "api.example.com"
path = "/pay"
action_class = "payment.transfer"
[rules.params]
amount = "json:/order/amount"
currency = "json:/order/currency"

[[rules]]
method = "POST"
host = "api.example.com:8443"
path = "/form-*"
action_class = "payment.refund"
[rules.params]
amount = "form:amount"
currency = "form:currency"

[[rules]]
method = "GET"
host = "*.below.example.com"
path = "/find"
action_class = "customer.read"
[rules.params]
count = "query:count"

[[rules]]
method = "PUT"
host = "api.example.com"
path = "/keys/*"
action_class = "credential.write"

[[rules]]
method = ["CONNECT"]
host = "tunnel.example.com"
action_class = "code.read"

[[rules]]
host = "*"
path = "/anywhere"
action_class = "code.read"
`);

const safe = ({ url }: MixEndpoint): Promise<boolean> => Promise.resolve(!url.includes('/keys/'));

function make(seed: number, mappings = TABLES): Promise<Mix> {
  return makeMix({ mappings, seed, isAllowed: safe });
}

function byUrl({ endpoints }: Mix): Map<string, MixEndpoint> {
  return new Map(endpoints.map((endpoint) => [endpoint.url, endpoint]));
}

describe('a mix made from tables', () => {
  it('has a request with its facts for every rule that policies allow', async () => {
    const endpoints = byUrl(await make(1));
    expect(endpoints.get('https://api.example.com/repos/example/files/example/example')).toMatchObject({
      method: 'GET',
      body: '',
      denied: false,
    });
    const pay = endpoints.get('https://api.example.com/pay');
    expect(JSON.parse(pay?.body ?? '')).toEqual({ order: { amount: 100, currency: 'usd' } });
    expect(endpoints.get('https://api.example.com:8443/form-example')).toMatchObject({
      body: 'amount=100&currency=usd',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(endpoints.has('https://example.below.example.com/find?count=1')).toBe(true);
  });

  it('grants the classes of these, and marks calls of other classes and to unknown paths as denied', async () => {
    const mix = await make(1);
    expect(mix.agents.actions).toEqual(['code.read', 'customer.read', 'payment.refund', 'payment.transfer']);
    const denied = mix.endpoints.filter((endpoint) => endpoint.denied).map(({ url }) => url);
    expect(denied).toContain('https://api.example.com/keys/example');
    expect(denied.some((url) => url.includes('no-such-path'))).toBe(true);
    expect(mix.calls.denials).toBeGreaterThan(0);
  });

  it('leaves out what cannot be sent: tunnels, and hosts that no rule names', async () => {
    const urls = [...byUrl(await make(1)).keys()].join(' ');
    expect(urls).not.toContain('tunnel.example.com');
    expect(urls).not.toContain('/anywhere');
  });

  it('follows from the seed', async () => {
    expect(await make(5)).toEqual(await make(5));
    const orders = await Promise.all(
      [1, 2, 3, 4].map(async (seed) => [...byUrl(await make(seed)).keys()].join()),
    );
    expect(new Set(orders).size).toBeGreaterThan(1);
  });

  it('leaves out a request that a more specific rule answers', async () => {
    const shadowed = tables(`
[[rules]]
method = "GET"
host = "api.example.com"
path = "/a/*"
action_class = "code.read"
[[rules]]
method = "GET"
host = "api.example.com"
path = "/a/example"
action_class = "credential.read"
`);
    const mix = await makeMix({ mappings: shadowed, seed: 1, isAllowed: () => Promise.resolve(true) });
    expect(mix.agents.actions).toEqual(['credential.read']);
  });

  it('is refused where policies allow nothing', async () => {
    const made = makeMix({ mappings: TABLES, seed: 1, isAllowed: () => Promise.resolve(false) });
    await expect(made).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('a mix file', () => {
  it('is read back as it was written', async () => {
    const mix = await make(3);
    expect(readMix(writeMix(mix), 'mix.toml')).toEqual(mix);
  });

  it('needs little: the rest has defaults', () => {
    const mix = readMix(
      'agents.actions = ["code.read"]\ncalls.denials = 0\n[[endpoints]]\nurl = "https://a.example/x?y=1"\n',
      'mix.toml',
    );
    expect(mix.endpoints).toEqual([
      { method: 'GET', url: 'https://a.example/x?y=1', headers: {}, body: '', denied: false },
    ]);
    expect(mix.agents).toMatchObject({ scope: ['*'], groups: [] });
  });

  const one = 'calls.denials = 0\n[[endpoints]]\nurl = "https://a.example/"\n';
  it.each([
    ['no actions', one, 'actions'],
    ['an unknown key', `agents.actions = []\nagents.speed = 1\n${one}`, 'speed'],
    [
      'a share above 1',
      'agents.actions = []\ncalls.denials = 2\n[[endpoints]]\nurl = "https://a.example/"\n',
      'denials',
    ],
    ['no endpoints', 'agents.actions = []\ncalls.denials = 0\n', 'endpoints'],
    ['no denied endpoint', 'agents.actions = []\n[[endpoints]]\nurl = "https://a.example/"\n', 'denied'],
    ['a line break in a URL', `agents.actions = []\n${one.replace('example/', 'example/\\r\\nx: y')}`, 'url'],
    ['a relative URL', `agents.actions = []\n${one.replace('https://a.example', '')}`, 'url'],
    ['a method without a body in its answer', `agents.actions = []\n${one}method = "HEAD"\n`, 'method'],
    ['a header of its own', `agents.actions = []\n${one}headers = { Content-Length = "1" }\n`, 'headers'],
    [
      'a line break in a header',
      `agents.actions = []\n${one}headers = { a = "1\\r\\nb: 2" }\n`,
      'header value',
    ],
    ['no TOML', 'agents = [', 'TOML'],
  ])('with %s is refused by name', (_what, text, named) => {
    expect(() => readMix(text, 'mix.toml')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => readMix(text, 'mix.toml')).toThrow(named);
  });
});
