import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';
import { refusalOf } from './place.ts';

const FILE = '/etc/agents/firma.toml';

async function refusal(text: string): Promise<string> {
  const { code, message } = await refusalOf(parseConfig(text, FILE));
  return code === 'CONFIG_INVALID' ? message : code;
}

async function config(text: string) {
  return (await parseConfig(text, FILE)).config;
}

describe('a firma.toml that says nothing', () => {
  it('means the built-in defaults', async () => {
    const parsed = await config('');
    expect(parsed).toMatchObject({
      file: FILE,
      id: 'sidecar',
      audience: 'firma',
      mapping: { defaultProtected: true },
      policy: { shadow: 0 },
      skewS: 5,
      budgets: [],
      ingress: {
        listen: { host: '127.0.0.1', port: 0 },
        socket: undefined,
        adapter: 'auto',
        workers: 1,
        placement: 'inline',
        trusted: [],
      },
      proxy: { listen: { host: '127.0.0.1', port: 0 }, idleTimeoutMs: 300_000 },
      overrides: [],
      audit: { fsync: 'checkpoint' },
      authority: { maxTtlS: 3600 },
      credentials: [],
      run: { profile: 'default' },
    });
    expect(parsed.run.profiles.map((profile) => profile.id)).toEqual(['default', 'claude-code']);
  });

  it('asks for every class an agent may have by itself, and not for secrets or grants', async () => {
    const [profile] = (await config('')).run.profiles;
    expect(profile?.capability).toMatchObject({ agent: 'agent', scope: ['*'], ttlS: 3600 });
    expect(profile?.capability.actions).toHaveLength(42);
    expect(profile?.capability.actions).not.toContain('credential.write');
    expect(profile?.capability.actions).not.toContain('account.permission.change');
  });
});

describe('the complete example', () => {
  const path = fileURLToPath(new URL('../../src/config/firma.example.toml', import.meta.url));
  const text = readFileSync(path, 'utf8');

  it('loads, and means what it says', async () => {
    const { config: parsed, mappings, policies, issuance, ca } = await parseConfig(text, FILE);
    expect(parsed).toMatchObject({
      id: 'build-host-7',
      policy: { shadow: 0.01 },
      budgets: [
        {
          name: 'spend',
          match: ['payment.transfer', 'payment.payout'],
          host: '*.stripe.com',
          agent: 'shopper',
          per: 'agent',
          window: '24h',
          maxAmount: 100_000,
          currency: 'usd',
          onExceed: 'deny',
          idempotency: 'header:idempotency-key',
        },
        { name: 'sends', match: ['communication.external.send'], maxCalls: 20, onExceed: 'abort' },
        { name: 'download', per: 'session', window: '1h', maxBytes: 500_000_000, onExceed: 'deny' },
        { name: 'parallel', per: 'sidecar', maxInFlight: 4 },
      ],
      destinations: [{ host: 'git.corp.example', cidr: '10.20.0.0/16' }],
      overrides: [{ from: 'api.stripe.com:443', to: '127.0.0.1:8443', ca: '/etc/agents/test-ca.pem' }],
      authority: { maxTtlS: 28_800 },
      credentials: [
        {
          label: 'github',
          source: { kind: 'env', name: 'GITHUB_TOKEN' },
          header: 'authorization',
          scheme: 'bearer',
        },
        {
          label: 'github-git',
          source: { kind: 'file', path: '/etc/agents/secrets/github-token' },
          scheme: 'basic',
          user: 'x-access-token',
        },
        { label: 'anthropic', header: 'x-api-key', scheme: 'raw' },
      ],
      run: { profile: 'reviewer' },
    });
    expect(parsed.run.profiles.find((profile) => profile.id === 'reviewer')).toEqual({
      id: 'reviewer',
      env: { GIT_TERMINAL_PROMPT: '0' },
      passEnv: ['EDITOR'],
      capability: {
        agent: 'reviewer',
        groups: ['bots'],
        actions: ['code.read', 'code.review.read', 'code.review.submit', 'issue.*'],
        scope: ['api.github.com/repos/acme/**'],
        ttlS: 7200,
      },
    });
    expect(mappings.map((entry) => entry.at?.line)).toEqual([
      lineOf('rules_path ='),
      undefined,
      lineOf('rules_paths ='),
    ]);
    expect(mappings.map((entry) => entry.path)).toEqual([
      '/etc/agents/rules.toml',
      fileURLToPath(new URL('../../mappings', import.meta.url)),
      '/etc/agents/more-rules',
    ]);
    expect([policies.path, issuance.path]).toEqual(['/etc/agents/policies', '/etc/agents/issuance']);
    expect(ca).toEqual([
      { path: '/etc/agents/test-ca.pem', at: expect.objectContaining({ line: lineOf('ca =') }) },
    ]);
  });

  it('names every key there is', async () => {
    const { FIRMA_TOML } = await import('../../src/config/schema.ts');
    const keys = keysOf(FIRMA_TOML);
    expect(keys.size).toBeGreaterThan(40);
    expect([...keys].filter((key) => !new RegExp(`(^|[\\s.[])${key}( =|[\\].])`, 'm').test(text))).toEqual(
      [],
    );
  });

  function lineOf(start: string): number {
    return text.split('\n').findIndex((line) => line.startsWith(start)) + 1;
  }
});

/** The names of all keys of a schema, those of its tables too. */
function keysOf(schema: object, found = new Set<string>()): Set<string> {
  const def: unknown = Reflect.get(schema, 'def');
  if (typeof def !== 'object' || def === null) return found;
  for (const part of ['innerType', 'element', 'valueType', 'in']) {
    const inner: unknown = Reflect.get(def, part);
    if (typeof inner === 'object' && inner !== null) keysOf(inner, found);
  }
  const shape: unknown = Reflect.get(def, 'shape');
  if (typeof shape === 'object' && shape !== null) {
    for (const [key, inner] of Object.entries(shape)) {
      found.add(key);
      if (typeof inner === 'object' && inner !== null) keysOf(inner, found);
    }
  }
  return found;
}

describe('an address', () => {
  it('is brought into the form that calls are compared in', async () => {
    const { proxy, ingress, overrides, destinations } = await config(`
      [sidecar.proxy]
      listen = "127.0.0.9:3128"
      [sidecar.ingress]
      listen = "[0:0::1]:0"
      [[sidecar.upstream.overrides]]
      from = "API.Example.com.:443"
      to = "[2001:DB8:0::1]:8443"
      [[sidecar.destinations]]
      host = "*.Corp.example"
      cidr = "fd00::/8"
      [[sidecar.destinations]]
      host = "[FD00::1]"
      cidr = "fd00::1/128"`);
    expect(proxy.listen).toEqual({ host: '127.0.0.9', port: 3128 });
    expect(ingress.listen).toEqual({ host: '::1', port: 0 });
    expect(overrides).toEqual([{ from: 'api.example.com:443', to: '[2001:db8::1]:8443' }]);
    expect(destinations).toEqual([
      { host: '*.corp.example', cidr: 'fd00::/8' },
      { host: 'fd00::1', cidr: 'fd00::1/128' },
    ]);
  });
});

describe('a firma.toml with a mistake names the place and the way out', () => {
  it.each([
    [
      'a key that is not known',
      '[sidecar.mapping]\nrule_path = "x"',
      ':2:1: `sidecar.mapping.rule_path` is no known key; did you mean `rules_path`?',
    ],
    [
      'a table that is not known',
      '[sidecar]\nid = "a"\n[sidecar.prxy]\n',
      ':3:1: `sidecar.prxy` is no known key; did you mean `proxy`?',
    ],
    [
      'a top-level table',
      '[credential.x]\n',
      ':1:1: `credential` is no known key; did you mean `credentials`?',
    ],
    [
      'a key like no other',
      '[sidecar.policy]\nzzz = 1',
      ':2:1: `sidecar.policy.zzz` is no known key; there are `path`',
    ],
    [
      'a key of a later version',
      '[sidecar.capability]\nbundle_ttl_s = 2',
      ':2:1: `sidecar.capability.bundle_ttl_s` is not supported in this version; remove it',
    ],
    [
      'no ingress worker',
      '[sidecar.ingress]\nworkers = 0',
      ':2:1: `sidecar.ingress.workers` must be a whole number from 1 to 32',
    ],
    [
      'a trusted peer that is no network',
      '[sidecar.ingress]\ntrusted = ["127.0.0.1"]',
      'must be a network such as `127.0.0.1/32`',
    ],
    [
      'a remote Authority',
      '[authority]\nurl = "https://a.example"',
      ':2:1: `authority.url` is not supported in this version',
    ],
    [
      'a sink',
      '[[sidecar.audit.sinks]]\nkind = "stdout"',
      ':1:1: `sidecar.audit.sinks` is not supported in this version',
    ],
    [
      'a wrong type',
      '[sidecar.proxy]\nmax_connections = "many"',
      ':2:1: `sidecar.proxy.max_connections` must be a whole number from 1 to 65536',
    ],
    [
      'a number out of bounds',
      '[sidecar.capability]\nskew_s = 301',
      ':2:1: `sidecar.capability.skew_s` must be a whole number from 0 to 300',
    ],
    [
      'a fraction',
      '[sidecar.capability]\nskew_s = 0.5',
      ':2:1: `sidecar.capability.skew_s` must be a whole number',
    ],
    [
      'a share above one',
      '[sidecar.policy]\nshadow = 1.01',
      ':2:1: `sidecar.policy.shadow` must be a number from 0 to 1',
    ],
    [
      'a share below zero',
      '[sidecar.policy]\nshadow = -0.01',
      ':2:1: `sidecar.policy.shadow` must be a number from 0 to 1',
    ],
    [
      'a share that is no number',
      '[sidecar.policy]\nshadow = nan',
      ':2:1: `sidecar.policy.shadow` must be a number from 0 to 1',
    ],
    [
      'a share in words',
      '[sidecar.policy]\nshadow = "1 %"',
      ':2:1: `sidecar.policy.shadow` must be a number from 0 to 1',
    ],
    ['a date', '[sidecar]\nid = 2026-01-01', ':2:1: `sidecar.id` must be letters, digits'],
    [
      'an empty name',
      '[sidecar]\naudience = ""',
      ':2:1: `sidecar.audience` must be a string of 1 to 128 characters',
    ],
    [
      'a control character',
      '[sidecar]\naudience = "a\\u001b[2J"',
      ':2:1: `sidecar.audience` must be a string',
    ],
    [
      'a value that is none of a few',
      '[sidecar.audit]\nfsync = "never"',
      ':2:1: `sidecar.audit.fsync` must be one of `checkpoint`, `always`',
    ],
    [
      'a table where a list is wanted',
      '[sidecar.budgets]\nname = "x"',
      ':1:1: `sidecar.budgets` must be a list',
    ],
    [
      'an address others can reach',
      '[sidecar.proxy]\nlisten = "0.0.0.0:8080"',
      ':2:1: `sidecar.proxy.listen` must be a loopback address: others are not supported',
    ],
    [
      'a wildcard address',
      '[sidecar.proxy]\nlisten = "[::]:0"',
      ':2:1: `sidecar.proxy.listen` must be a loopback address',
    ],
    [
      'a name to listen on',
      '[sidecar.ingress]\nlisten = "localhost:0"',
      ':2:1: `sidecar.ingress.listen` must be an address and a port',
    ],
    [
      'a port out of range',
      '[sidecar.ingress]\nlisten = "127.0.0.1:65536"',
      ':2:1: `sidecar.ingress.listen` must be an address',
    ],
    [
      'a scope that is no pattern',
      '[run.profiles.x]\nscope = ["a.example", "*.b.*"]',
      ':2:23: `run.profiles.x.scope[1]` is no pattern: host `*.b.*`',
    ],
    [
      'a destination anywhere',
      '[[sidecar.destinations]]\nhost = "*"\ncidr = "10.0.0.0/8"',
      ':2:1: `sidecar.destinations[0].host` must be a host',
    ],
    ['text that is no TOML', '[sidecar]\nid = \n', ':2:6: not valid TOML'],
    [
      'a profile that does not exist',
      '[run]\nprofile = "claud-code"',
      ':2:1: no profile is named `claud-code`; did you mean `claude-code`?',
    ],
    [
      'a token that outlives the maximum',
      '[run.profiles.x]\nttl_s = 7200',
      ':2:1: `ttl_s` is above `max_ttl_s` of `[authority]`, which is 3600',
    ],
    [
      'a class that does not exist',
      '[run.profiles.x]\nactions = ["code.read", "code.reed"]',
      ':2:25: `run.profiles.x.actions[1]` names `code.reed`, which is no action class; did you mean `code.read`?',
    ],
    ['a category without a star', '[run.profiles.x]\nactions = ["payment"]', 'did you mean `payment.*`?'],
    [
      'a name that looks like a number',
      '[run.profiles.7]\n',
      ':1:1: `run.profiles.7` must be named with a letter',
    ],
    [
      'a prototype',
      '[run.profiles.__proto__]\nagent = "x"',
      ':1:1: `run.profiles.__proto__` is no known key',
    ],
    [
      'a bad network',
      '[[sidecar.destinations]]\nhost = "a.example"\ncidr = "10.0.0.0/33"',
      ':3:1: `sidecar.destinations[0].cidr` must be a network',
    ],
    [
      'a missing key',
      '[[sidecar.destinations]]\nhost = "a.example"',
      ':1:1: `sidecar.destinations[0].cidr` is missing',
    ],
    [
      'an override without a port',
      '[[sidecar.upstream.overrides]]\nfrom = "a.example"\nto = "127.0.0.1:1"',
      ':2:1: `sidecar.upstream.overrides[0].from` must be `host:port`',
    ],
    [
      'an override given twice',
      '[[sidecar.upstream.overrides]]\nfrom = "a.example:443"\nto = "127.0.0.1:1"\n[[sidecar.upstream.overrides]]\nfrom = "A.example:443"\nto = "127.0.0.1:2"',
      ':5:1: `sidecar.upstream.overrides[1].from` is there twice',
    ],
  ])('%s', async (_what, text, expected) => {
    expect(await refusal(text)).toContain(FILE + (expected.startsWith(':') ? expected : ''));
    expect(await refusal(text)).toContain(expected);
  });

  it('names the first of several mistakes', async () => {
    expect(await refusal('[run]\nprofle = "x"\n[sidecar]\nidd = "x"\n')).toContain(
      '`run.profle` is no known key',
    );
  });
});

const credential = (lines: string): string => `[credentials.c]\nbind = ["api.example.com"]\n${lines}`;

describe('a credential', () => {
  it.each([
    ['from nowhere', '', ':1:1: `credentials.c.source` is missing'],
    ['for the host header', 'source = "env:A"\nheader = "Host"', ':4:1: `credentials.c.header` must be'],
    [
      'for a header that frames',
      'source = "env:A"\nheader = "transfer-encoding"',
      ':4:1: `credentials.c.header` must be',
    ],
    [
      'for a header with a line break',
      'source = "env:A"\nheader = "x\\r\\ny"',
      ':4:1: `credentials.c.header` must be',
    ],
    [
      'of basic without a user',
      'source = "env:A"\nscheme = "basic"',
      ':4:1: `credentials.c.scheme` is `basic`, which needs `user`',
    ],
    ['of bearer with a user', 'source = "env:A"\nuser = "u"', ':4:1: `credentials.c.user` belongs to'],
    [
      'of a user with a colon',
      'source = "env:A"\nscheme = "basic"\nuser = "a:b"',
      ':5:1: `credentials.c.user` cannot hold',
    ],
    [
      'from a variable with a bad name',
      'source = "env:A B"',
      ':3:1: `credentials.c.source` must be `env:NAME` or `file:PATH`',
    ],
  ])('%s is refused', async (_what, lines, expected) => {
    expect(await refusal(credential(lines))).toContain(FILE + expected);
  });

  it('written where its place belongs is not repeated in the message', async () => {
    const message = await refusal(credential('source = "sk_live_0123456789abcdef"'));
    expect(message).toContain(':3:1: `credentials.c.source` must be `env:NAME` or `file:PATH`');
    expect(message).not.toContain('sk_live');
  });

  it('keeps the order of the file', async () => {
    const { credentials } = await config(
      ['zulu', 'alpha', 'mike']
        .map((label) => `[credentials.${label}]\nbind = ["a.example"]\nsource = "env:A"\n`)
        .join(''),
    );
    expect(credentials.map((one) => one.label)).toEqual(['zulu', 'alpha', 'mike']);
  });
});

describe('a profile', () => {
  it('of a built-in name changes only what it says', async () => {
    const { run } = await config('[run.profiles.claude-code]\nttl_s = 60\n');
    const profile = run.profiles.find((entry) => entry.id === 'claude-code');
    expect(profile?.capability).toMatchObject({ agent: 'claude-code', ttlS: 60, scope: ['*'] });
    expect(profile?.env).toHaveProperty('CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC');
  });

  it('never lives longer than the maximum, also where it names no life', async () => {
    const { run } = await config('[authority]\nmax_ttl_s = 600');
    expect(run.profiles.map((entry) => entry.capability.ttlS)).toEqual([600, 600]);
  });

  it('names no variable of the caller by default', async () => {
    const { run } = await config('');
    expect(run.profiles.flatMap((entry) => entry.passEnv)).toEqual([]);
  });
});
