import { describe, expect, it } from 'vitest';
import { TokenVerifier, type VerifierOptions } from '@firma/core';
import { type Authority, inspectToken, type IssueRequest } from '../../src/authority/authority.ts';
import { sha256Hex } from '../capability/authority.ts';
import { clock, NOW_S, openAuthority, PERMIT_ALL, REQUEST, tempDir } from './open.ts';

async function verify(token: string, authority: Authority): Promise<unknown> {
  const options: VerifierOptions = {
    issuer: 'https://authority.test',
    audience: 'sidecar-1',
    skewS: 5,
    maxTtlS: 3600,
    keys: authority.publicKeys(),
    sha256Hex,
    compileScope: () => ({ matches: () => true }),
  };
  const answer = await (await TokenVerifier.create(options)).verify(token, NOW_S);
  return 'refused' in answer ? answer.refused : answer.claims;
}

/** What the Authority says to a request it refuses. */
async function denied(authority: Authority, changes: Partial<IssueRequest>): Promise<string> {
  const answer = await authority.issue({ ...REQUEST, ...changes }).then(
    () => new Error('was issued'),
    (error: unknown) => error,
  );
  if (answer instanceof Error && 'code' in answer && answer.code === 'ISSUANCE_DENIED') return answer.message;
  throw answer;
}

async function hash(by: Authority, changes: Partial<IssueRequest> = {}): Promise<string> {
  return (await by.issue({ ...REQUEST, ...changes })).claims.contextHash;
}

describe('issuing', () => {
  it('makes a token that a sidecar takes, with the claims it says', async () => {
    const authority = await openAuthority();
    const budgets = [
      { name: 'spend', match: ['payment.*'], maxAmount: 500, currency: 'usd' },
      {
        name: 'calls',
        match: ['code.read'],
        host: '*.github.com',
        window: '1h',
        maxCalls: 9,
        idempotency: 'header:key',
      },
      { name: 'down', match: ['code.read'], maxBytes: 1 },
      { name: 'open', match: ['code.read'], maxInFlight: 1 },
    ];
    const { token, claims } = await authority.issue({ ...REQUEST, budgets });
    expect(await verify(token, authority)).toEqual(claims);
    expect(claims).toMatchObject({
      iss: 'https://authority.test',
      aud: 'sidecar-1',
      sub: 'agent-7',
      groups: ['ops'],
      iat: NOW_S,
      nbf: NOW_S,
      exp: NOW_S + 600,
      actionSet: ['code.read', 'payment.transfer'],
      resourceScope: [...REQUEST.scope].sort(),
      budgets,
    });
    const [kid] = authority.publicKeys().keys();
    expect(inspectToken(token).header).toEqual({ alg: 'EdDSA', typ: 'firma-cap+jwt', kid });
  });

  it('gives each token an id and each session 128 bits of its own', async () => {
    const authority = await openAuthority();
    const issued = await Promise.all(Array.from({ length: 20 }, () => authority.issue(REQUEST)));
    expect(new Set(issued.flatMap(({ claims }) => [claims.jti, claims.sid])).size).toBe(40);
    for (const { claims } of issued) expect(Buffer.from(claims.sid, 'base64url')).toHaveLength(16);
  });

  it('expands categories, so that no later registry widens the token', async () => {
    const authority = await openAuthority();
    const { claims } = await authority.issue({
      ...REQUEST,
      actions: ['customer.*', 'customer.read', 'code.read'],
    });
    expect(claims.actionSet).toEqual(['code.read', 'customer.read', 'customer.write']);
  });

  it('binds what the issuance decision saw, and nothing else', async () => {
    const dir = await tempDir();
    const authority = await openAuthority({ dir });
    const one = await hash(authority);
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(await hash(authority)).toBe(one);
    expect(await hash(authority, { scope: REQUEST.scope.toReversed() })).toBe(one);
    expect(await hash(authority, { ttlS: 601 })).not.toBe(one);
    expect(await hash(authority, { groups: [] })).not.toBe(one);
    const text = PERMIT_ALL.replace('all', 'other');
    expect(await hash(await openAuthority({ dir, issuance: [{ file: 'a', text }] }))).not.toBe(one);
  });

  it('refuses the whole request where a policy refuses a part, and names classes and policies', async () => {
    const text = `${PERMIT_ALL}
      @id("no-moving") @reason("agents move no money") @remedy("leave it out")
      forbid (principal, action in [Firma::Action::"payment.transfer", Firma::Action::"payment.payout"], resource);`;
    const authority = await openAuthority({ issuance: [{ file: 'a.cedar', text }] });
    const actions = ['code.read', 'payment.transfer', 'payment.payout'];
    expect(await denied(authority, { actions })).toBe(
      'agent `agent-7` may not be given `payment.transfer`, `payment.payout` (policy `no-moving`: agents move no money; leave it out)',
    );
    const nothing = await openAuthority({ issuance: [] });
    expect(await denied(nothing, { actions: ['code.read'] })).toBe(
      'agent `agent-7` may not be given `code.read` (no issuance policy permits it)',
    );
  });

  it('does not start with issuance policies that do not load', async () => {
    const issuance = [{ file: 'a.cedar', text: 'permit (principal, action, resource);' }];
    await expect(openAuthority({ issuance })).rejects.toMatchObject({ code: 'POLICY_INVALID' });
  });

  it.each<readonly [string, Partial<IssueRequest>, string]>([
    ['no agent', { agent: '' }, 'an agent id is'],
    ['an agent with a line feed', { agent: 'a\nb' }, 'an agent id is'],
    ['an agent without end', { agent: 'a'.repeat(257) }, 'an agent id is'],
    ['33 groups', { groups: Array.from({ length: 33 }, (_, index) => `g${index}`) }, 'at most 32 groups'],
    ['no class', { actions: [] }, 'at least one action class'],
    ['an unknown class', { actions: ['code.raed'] }, '`code.raed` is no action class'],
    ['an unknown category', { actions: ['*'] }, '`*` is no action class'],
    ['no scope', { scope: [] }, 'a scope has 1 to 64'],
    ['a scope that is no pattern', { scope: ['a b'] }, 'scope `a b`: a pattern holds no space'],
    ['a pattern without end', { scope: ['a'.repeat(513)] }, 'is longer than 512'],
    ['no lifetime', { ttlS: 0 }, 'a lifetime of 0 s'],
    ['half a second', { ttlS: 0.5 }, 'a lifetime of 0.5 s'],
    ['too long a lifetime', { ttlS: 3601 }, 'a lifetime of 3601 s is not within 1 to 3600 s'],
    ['a budget of nothing', { budgets: [{ name: 'a', match: ['code.read'] }] }, 'budget `a` limits nothing'],
    [
      'a budget of two things',
      { budgets: [{ name: 'a', match: ['code.read'], maxCalls: 1, maxAmount: 1, currency: 'usd' }] },
      '`max_amount` of budget `a` cannot stand beside `max_calls`',
    ],
    [
      'a budget for no class',
      { budgets: [{ name: 'a', match: ['x'], maxCalls: 1 }] },
      '`match` of budget `a` names `x`, which is no action class',
    ],
    [
      'a budget with an unreadable window',
      { budgets: [{ name: 'a', match: ['code.read'], maxCalls: 1, window: '1 day' }] },
      '`window` of budget `a` must be a whole number and',
    ],
    [
      'a budget named like a path',
      { budgets: [{ name: 'a/b', match: ['code.read'], maxCalls: 1 }] },
      '`name` of budget `a/b` must be',
    ],
    [
      'two budgets of a name',
      {
        budgets: [
          { name: 'a', match: ['code.read'], maxCalls: 1 },
          { name: 'a', match: ['code.read'], maxCalls: 2 },
        ],
      },
      'two budgets are named `a`',
    ],
    [
      'more than 8 KiB',
      { scope: Array.from({ length: 64 }, (_, index) => `${'a'.repeat(200)}${index}.test`) },
      'above 8192',
    ],
  ])('refuses %s', async (_, changes, message) => {
    expect(await denied(await openAuthority(), changes)).toContain(message);
  });
});

describe('renewing', () => {
  it('keeps the session, and nothing else', async () => {
    const authority = await openAuthority();
    const first = await authority.issue(REQUEST);
    clock.nowS += 599;
    const second = await authority.issue({ ...REQUEST, actions: ['code.read'], renews: first.token });
    expect(second.claims.sid).toBe(first.claims.sid);
    expect(second.claims.jti).not.toBe(first.claims.jti);
    expect(second.claims).toMatchObject({ exp: NOW_S + 1199, actionSet: ['code.read'] });
  });

  it('is refused for a token that is expired, revoked, foreign, tampered with or of another agent', async () => {
    const dir = await tempDir();
    const authority = await openAuthority({ dir });
    const { token, claims } = await authority.issue(REQUEST);
    const elsewhere = await (await openAuthority()).issue(REQUEST);
    const [header, payload, signature] = token.split('.');
    const other = Buffer.from(JSON.stringify({ ...inspectToken(token).claims, exp: NOW_S + 9e9 })).toString(
      'base64url',
    );
    const none = Buffer.from('{"alg":"none","typ":"firma-cap+jwt"}').toString('base64url');
    const foreign = [
      elsewhere.token,
      `${header}.${other}.${signature}`,
      `${none}.${payload}.`,
      `${header}.${payload}.`,
      `${token}.x`,
      'x',
      '',
    ];
    for (const renews of foreign)
      expect(await denied(authority, { renews })).toContain('was not issued here');
    const audience = await openAuthority({ dir, audience: 'sidecar-2' });
    expect(await denied(audience, { renews: token })).toContain('was not issued here');
    expect(await denied(authority, { renews: token, agent: 'agent-8' })).toContain("is another agent's");
    clock.nowS = claims.exp;
    expect(await denied(authority, { renews: token })).toContain('has expired');
    clock.nowS = NOW_S;
    await authority.revoke({ jti: claims.jti });
    expect(await denied(authority, { renews: token })).toContain('is revoked');
  });

  it('is refused for a session that another process revoked', async () => {
    const dir = await tempDir();
    const [here, there] = [await openAuthority({ dir }), await openAuthority({ dir })];
    const { token, claims } = await here.issue(REQUEST);
    await there.revoke({ sid: claims.sid });
    expect(await denied(here, { renews: token })).toContain('is revoked');
    await there.revoke({ sub: 'agent-7' });
    expect(await denied(here, {})).toBe('agent `agent-7` is revoked');
  });
});

describe('looking at a token', () => {
  it('shows what it says without verifying it', async () => {
    const { token, claims } = await (await openAuthority()).issue(REQUEST);
    const forged = `${token.slice(0, -4)}AAAA`;
    expect(inspectToken(forged).claims).toMatchObject({ sub: 'agent-7', sid: claims.sid, exp: claims.exp });
  });

  it.each(['', 'a', 'a.b', 'a.b.c', `${'e30.'.repeat(3)}x`, 'bnVsbA.e30.x', `e30.e30.${'a'.repeat(9000)}`])(
    'refuses %s, without quoting it',
    (text) => {
      expect(() => inspectToken(text)).toThrow(/^this is no capability token; one is three base64url parts/);
    },
  );
});
