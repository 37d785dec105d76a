import { describe, expect, it } from 'vitest';
import { checkClaims, sessionKeyOf } from '../../native-free-core/capability/claims-check.ts';
import { ACTION_CLASSES } from '../../native-free-core/registry/classes.ts';
import { claims, NOW_S } from './authority.ts';

const RULES = { issuer: 'https://authority.test', audience: 'sidecar-1', skewS: 5, maxTtlS: 3600 };

function accepted(changes: Readonly<Record<string, unknown>>, nowS = NOW_S): boolean {
  return !('invalid' in checkClaims(claims(changes), RULES, nowS));
}

const budget = (changes: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
  budgets: [{ name: 'spend', match: ['payment.*'], max_amount: 5, currency: 'usd', ...changes }],
});
const many = (count: number, of: (index: number) => unknown): unknown[] =>
  Array.from({ length: count }, (_, index) => of(index));

describe('claims', () => {
  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['as issued', {}],
    ['without groups and budgets', { groups: undefined, budgets: undefined }],
    ['with a session id in hex', { sid: '0123456789abcdef0123456789abcdef' }],
    ['with a context hash in hex', { context_hash: 'a'.repeat(64) }],
    ['with 32 groups', { groups: many(32, (n) => `g${n}`) }],
    ['with every class', { action_set: ACTION_CLASSES.map((info) => info.name) }],
    ['with 64 patterns of 512 characters', { resource_scope: many(64, () => 'p'.repeat(512)) }],
    [
      'with 16 budgets',
      { budgets: many(16, (n) => ({ name: `b${n}`, match: ['code.read'], max_calls: 0 })) },
    ],
    ['with the longest lifetime', { exp: NOW_S + 3600 }],
    ['issued within the skew ahead', { iat: NOW_S + 5 }],
    ['not valid yet', { nbf: NOW_S + 500 }],
    ['expired', { iat: NOW_S - 700, nbf: NOW_S - 700, exp: NOW_S - 100 }],
  ])('%s are taken', (_, changes) => {
    expect(checkClaims(claims(changes), RULES, NOW_S)).not.toHaveProperty('invalid');
  });

  it.each([
    'iss',
    'aud',
    'sub',
    'sid',
    'jti',
    'iat',
    'nbf',
    'exp',
    'action_set',
    'resource_scope',
    'context_hash',
  ])('without `%s` are refused', (name) => {
    expect(accepted({ [name]: undefined })).toBe(false);
  });

  it.each<[string, readonly unknown[]]>([
    ['iss', ['https://authority.test/', 7, ['https://authority.test']]],
    ['aud', [['sidecar-1'], 'sidecar-2', 'Sidecar-1', '', null]],
    ['sub', ['', 7, 'a'.repeat(257), 'a\nb', 'a\u0000', '\ud800', null]],
    ['groups', [many(33, (n) => `g${n}`), 'builders', [7], [''], ['g'.repeat(257)], ['a\nb'], null, {}]],
    ['sid', ['', 'short', 'A'.repeat(21), `${'A'.repeat(21)}B`, 'A'.repeat(23), 'F'.repeat(32), 7, 'a/b']],
    ['jti', ['', 'j'.repeat(129), 'a\rb', 7]],
    ['iat', [NOW_S + 6, -1, 0.5, `${NOW_S}`, 2 ** 53, null]],
    ['nbf', [NOW_S + 600, -1, 0.5, `${NOW_S}`, null]],
    ['exp', [NOW_S, NOW_S - 1, NOW_S + 3601, NOW_S + 0.5, `${NOW_S + 1}`, 2 ** 53, 1e300, null]],
    [
      'action_set',
      [
        [],
        ['no.such.class'],
        ['code.*'],
        ['code.read', 'toString'],
        'code.read',
        many(45, () => 'code.read'),
        null,
      ],
    ],
    ['resource_scope', [[], many(65, () => 'h'), ['p'.repeat(513)], [''], ['a\nb'], [7], '*', null]],
    ['context_hash', ['', 'a'.repeat(63), 'A'.repeat(64), `${'A'.repeat(42)}B`, 7]],
    [
      'budgets',
      [many(17, (n) => ({ name: `b${n}`, match: ['code.read'], max_calls: 1 })), {}, [null], ['x'], [[]]],
    ],
    ['not_a_claim', [1, 'x', {}]],
  ])('with a wrong `%s` are refused', (name, values) => {
    expect(values.filter((value) => accepted({ [name]: value }))).toEqual([]);
  });

  it('take every kind of budget, and keep what it says', () => {
    const budgets = [
      {
        name: 'spend',
        match: ['payment.*'],
        host: '*.stripe.com',
        window: '24h',
        max_amount: 5,
        currency: 'usd',
      },
      { name: 'calls', match: ['code.read'], max_calls: 0, idempotency: 'header:idempotency-key' },
      { name: 'down', match: ['code.read'], max_bytes: 9 },
      { name: 'open', match: ['system.execute'], max_in_flight: 1 },
    ];
    expect(checkClaims(claims({ budgets }), RULES, NOW_S)).toHaveProperty('budgets', [
      {
        name: 'spend',
        match: ['payment.*'],
        host: '*.stripe.com',
        window: '24h',
        maxAmount: 5,
        currency: 'usd',
      },
      { name: 'calls', match: ['code.read'], maxCalls: 0, idempotency: 'header:idempotency-key' },
      { name: 'down', match: ['code.read'], maxBytes: 9 },
      { name: 'open', match: ['system.execute'], maxInFlight: 1 },
    ]);
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['no limit', { max_amount: undefined, currency: undefined }],
    ['two limits', { max_calls: 1 }],
    ['a negative limit', { max_amount: -1 }],
    ['a limit beyond 2^53-1', { max_amount: 2 ** 53 }],
    ['an upper-case currency', { currency: 'USD' }],
    ['an unknown class', { match: ['payment.unknown'] }],
    ['a name with a slash', { name: 'token/spend' }],
    ['a window of zero', { window: '0h' }],
    ['a host that is none', { host: 'api.stripe.com/v1' }],
    ['an account', { per: 'session' }],
    ['an agent', { agent: 'agent-7' }],
    ['an answer', { on_exceed: 'deny' }],
    ['a member that could narrow it', { only: 'weekdays' }],
  ])('with a budget with %s are refused', (_, changes) => {
    expect(accepted(budget({}))).toBe(true);
    expect(accepted(JSON.parse(JSON.stringify(budget(changes))))).toBe(false);
  });

  it('with two budgets of one name are refused', () => {
    const one = { name: 'calls', match: ['code.read'], max_calls: 1 };
    expect(accepted({ budgets: [one, { ...one, max_calls: 100 }] })).toBe(false);
  });

  it('with a member named `__proto__` are refused', () => {
    expect(checkClaims(JSON.parse('{"__proto__": {}}'), RULES, NOW_S)).toHaveProperty('invalid');
    const payload = { ...claims(), ...JSON.parse('{"__proto__": {"sub": "x"}}') };
    expect(Object.keys(payload)).toContain('__proto__');
    expect(checkClaims(payload, RULES, NOW_S)).toHaveProperty('invalid');
  });

  it('are refused under a clock that is no number', () => {
    expect(accepted({}, Number.NaN)).toBe(false);
  });
});

describe('a session key', () => {
  it('is another one for another issuer, agent or session', () => {
    const sid = 'AAECAwQFBgcICQoLDA0ODw';
    const keys = [
      sessionKeyOf('a', 'b', sid),
      sessionKeyOf('a\nb', 'b', sid),
      sessionKeyOf('a', 'bb', sid),
      sessionKeyOf('a', 'b', `${sid.slice(0, -1)}A`),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
