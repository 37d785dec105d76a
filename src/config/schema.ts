// What `firma.toml` may say: one entry a table of semantics §9. Loaded only when there is a file, because zod
// costs a start 80 ms.

import { isIP } from 'node:net';
import {
  ACTION_CLASSES,
  CATEGORIES,
  closestWord,
  compileScope,
  expandActionWord,
  readBudgetMembers,
} from '@firma/core';
import * as z from 'zod';
import { canonicalHost, formatHostPort, isCidr, isLoopback, parseHostPort } from './address.ts';
import { MAX_SKEW_S, MAX_WORKERS } from './config.ts';
import { choice, flag, list, listBy, matching, named, parsed, table, text, whole } from './field.ts';

const MAX_TTL_S = 7 * 24 * 3600;
const WORDS = [...ACTION_CLASSES.map((info) => info.name), ...CATEGORIES.map((name) => `${name}.*`)];

// A credential set under one of these would change where the call goes, how it is framed or what it is classified as.
const REQUEST_HEADERS = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
]);

const actionWord = text(64, 'an action class or category').check((context) => {
  const word = context.value;
  if (expandActionWord(word) !== undefined) return;
  const near = CATEGORIES.includes(word) ? `${word}.*` : closestWord(word, WORDS);
  const hint = near === undefined ? '`firma classes` lists them' : `did you mean \`${near}\`?`;
  context.issues.push({
    code: 'custom',
    message: `names \`${word}\`, which is no action class; ${hint}`,
    input: word,
  });
});

// In the grammar of rules (semantics §2).
const pattern = text(512, 'a pattern').check((context) => {
  const scope = compileScope([context.value]);
  if (!('invalid' in scope)) return;
  context.issues.push({ code: 'custom', message: `is no pattern: ${scope.invalid}`, input: context.value });
});

const path = text(4096, 'a path');
const variable = matching(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'the name of an environment variable');
const agentName = text(256, 'a name');

const notAShare = 'must be a number from 0 to 1';
const share = z.number({ error: notAShare }).min(0, { error: notAShare }).max(1, { error: notAShare });

const listen = parsed(64, 'an address and a port such as `127.0.0.1:0` or `[::1]:0`, not a name', (value) => {
  const address = parseHostPort(value);
  return address === undefined || isIP(address.host) === 0 ? undefined : address;
}).refine((address) => isLoopback(address.host), {
  error: 'must be a loopback address: others are not supported in this version',
});

const hostPort = parsed(300, '`host:port`', (value) => {
  const address = parseHostPort(value);
  return address === undefined || address.port === 0 ? undefined : formatHostPort(address);
});

const source = parsed(4096, '`env:NAME` or `file:PATH`', (value) => {
  if (value.startsWith('env:')) {
    const name = value.slice(4);
    return variable.safeParse(name).success ? { kind: 'env' as const, name } : undefined;
  }
  if (!value.startsWith('file:') || value.length === 5) return undefined;
  return { kind: 'file' as const, path: value.slice(5) };
});

// ASCII alone: some letters outside it have an ASCII lower case.
const lowerCase = (maxChars: number) =>
  text(maxChars).transform((value) => value.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()));
const limit = whole(0, Number.MAX_SAFE_INTEGER).optional();

const budget = table({
  name: matching(
    /^[a-z][a-z0-9_-]{0,31}$/,
    'lower-case letters, digits, `_` and `-`, at most 32, a letter first',
  ),
  match: list(actionWord, 1, 64),
  agent: agentName.optional(),
  host: lowerCase(255).optional(),
  per: choice('session', 'agent', 'sidecar').optional(),
  window: text(16).optional(),
  max_calls: limit,
  max_amount: limit,
  currency: lowerCase(16).optional(),
  max_bytes: limit,
  max_in_flight: limit,
  on_exceed: choice('deny', 'abort').optional(),
  idempotency: lowerCase(128).optional(),
}).transform(({ agent, per, on_exceed: onExceed, ...members }, context) => {
  const read = readBudgetMembers(members);
  if ('problem' in read) {
    const { key, problem } = read;
    const path = key === undefined ? [] : [key];
    context.issues.push({ code: 'custom', message: problem, input: members, path });
    return z.NEVER;
  }
  return {
    ...read,
    ...(agent === undefined ? {} : { agent }),
    per: per ?? 'session',
    onExceed: onExceed ?? 'deny',
  };
});

const credential = table({
  bind: list(pattern, 1, 64),
  source,
  header: parsed(64, 'a header name that a credential may set', (value) => {
    const name = value.toLowerCase();
    return /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && !REQUEST_HEADERS.has(name) ? name : undefined;
  }).optional(),
  scheme: choice('bearer', 'basic', 'raw').optional(),
  user: text(256, 'a user name')
    .refine((value) => !value.includes(':'), { error: 'cannot hold `:`' })
    .optional(),
}).check((context) => {
  const { scheme, user } = context.value;
  if ((scheme === 'basic') === (user !== undefined)) return;
  const [key, message] =
    user === undefined
      ? ['scheme', 'is `basic`, which needs `user` beside it']
      : ['user', 'belongs to `scheme = "basic"`'];
  context.issues.push({ code: 'custom', message, input: context.value, path: [key] });
});

const profile = table(
  {
    env: z
      .record(
        variable,
        z.string({ error: 'must be a string' }).max(8192, { error: 'must be at most 8192 characters' }),
      )
      .optional(),
    pass_env: list(variable, 0, 256).optional(),
    agent: agentName.optional(),
    groups: list(agentName, 0, 32).optional(),
    actions: list(actionWord, 1, 64).optional(),
    scope: list(pattern, 1, 64).optional(),
    ttl_s: whole(1, MAX_TTL_S).optional(),
  },
  ['mounts', 'hosts'],
);

export const FIRMA_TOML = table({
  sidecar: table({
    // It also names the key that signs the log, whose format has no room for more.
    id: matching(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      'letters, digits, `.`, `_` and `-`, at most 64, a letter or digit first',
    ).optional(),
    audience: text(128).optional(),
    mapping: table({
      rules_path: path.optional(),
      rules_paths: list(path, 1, 64).optional(),
      default_protected: flag().optional(),
    }).optional(),
    policy: table({ path: path.optional(), shadow: share.optional() }).optional(),
    capability: table({ skew_s: whole(0, MAX_SKEW_S).optional() }, [
      'revocations_ttl_s',
      'bundle_ttl_s',
    ]).optional(),
    budgets: listBy(budget, 64, 'name').optional(),
    ingress: table({
      listen: listen.optional(),
      socket: path.optional(),
      adapter: choice('auto', 'uws', 'node').optional(),
      workers: whole(1, MAX_WORKERS).optional(),
      placement: choice('inline', 'pool').optional(),
      trusted: list(
        text(64, 'a network').refine(isCidr, { error: 'must be a network such as `127.0.0.1/32`' }),
        0,
        64,
      ).optional(),
    }).optional(),
    proxy: table({
      listen: listen.optional(),
      idle_timeout_s: whole(1, 86_400).optional(),
      connect_timeout_s: whole(1, 300).optional(),
      max_connections: whole(1, 65_536).optional(),
    }).optional(),
    destinations: list(
      table({
        host: parsed(253, 'a host, or `*.` and what it ends in', canonicalHost),
        cidr: text(64, 'a network').refine(isCidr, { error: 'must be a network such as `10.0.0.0/8`' }),
      }),
      0,
      1024,
    ).optional(),
    upstream: table({
      overrides: listBy(table({ from: hostPort, to: hostPort, ca: path.optional() }), 256, 'from').optional(),
    }).optional(),
    audit: table({ fsync: choice('checkpoint', 'always').optional() }, [
      'retention',
      'sinks',
      'witness',
    ]).optional(),
  }).optional(),
  authority: table({ max_ttl_s: whole(1, MAX_TTL_S).optional(), issuance_path: path.optional() }, [
    'url',
    'listen',
  ]).optional(),
  credentials: named(credential, 256).optional(),
  run: table({ profile: text(64).optional(), profiles: named(profile, 64).optional() }).optional(),
});

export type FirmaToml = z.output<typeof FIRMA_TOML>;
