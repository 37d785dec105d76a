import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkGrant, checkStanding, timeReason } from '../../native-free-core/capability/check.ts';
import type { Capability, Claims } from '../../native-free-core/capability/claims.ts';
import { RevocationSet } from '../../native-free-core/capability/revocation.ts';
import { ACTION_CLASSES, classSet } from '../../native-free-core/registry/classes.ts';
import { claims, mint, NOW_S, scopeByHost, signer, verifier } from './authority.ts';

const authority = signer('k1');

async function capabilityOf(changes: Readonly<Record<string, unknown>> = {}): Promise<Capability> {
  const answer = await (await verifier([authority])).verify(mint(authority, claims(changes)), NOW_S);
  if ('refused' in answer) throw new Error(answer.detail);
  return answer;
}

const resource = { scheme: 'https', host: 'api.github.com', port: 443, path: '/', foldMask: 0 } as const;
const indexOf = (name: string): number => ACTION_CLASSES.findIndex((info) => info.name === name);

const hosts = ['a.test', 'b.test', 'c.test', '*'];

function capabilityFrom(
  base: Claims,
  actions: readonly string[],
  scope: readonly string[],
  exp: number,
): Capability {
  const matcher = scopeByHost(scope);
  if ('invalid' in matcher) throw new Error(matcher.invalid);
  return {
    claims: { ...base, actionSet: actions, resourceScope: scope, exp },
    actions: classSet(ACTION_CLASSES.filter((info) => actions.includes(info.name))),
    scope: matcher,
    sessionKey: 'key',
  };
}

describe('the time of a token', () => {
  it.each([
    [-6, 'TOKEN_NOT_YET_VALID'],
    [-5, undefined],
    [0, undefined],
    [599, undefined],
    [604.9, undefined],
    [605, 'TOKEN_EXPIRED'],
    [Number.NaN, 'TOKEN_NOT_YET_VALID'],
  ])('%d s from nbf, with 600 s to live and 5 s of skew, answers %s', async (offset, reason) => {
    expect(timeReason((await capabilityOf()).claims, NOW_S + offset, 5)).toBe(reason);
  });
});

describe('standing', () => {
  it('answers with the first failure, in the documented order', async () => {
    const capability = await capabilityOf();
    const revocations = new RevocationSet();
    revocations.replace({ sequence: 1, jti: ['token-1'], sid: [], sub: [] }, NOW_S);
    const at = (nowS: number, aborted: boolean): string | undefined =>
      checkStanding(capability, nowS, 5, aborted, revocations);
    expect(at(NOW_S - 100, true)).toBe('TOKEN_NOT_YET_VALID');
    expect(at(NOW_S + 1000, true)).toBe('TOKEN_EXPIRED');
    expect(at(NOW_S, true)).toBe('SESSION_ABORTED');
    expect(at(NOW_S, false)).toBe('TOKEN_REVOKED');
    const none = new RevocationSet();
    expect(checkStanding(capability, NOW_S, 5, false, none)).toBeUndefined();
  });
});

describe('the grant', () => {
  it('asks for the class before the resource', async () => {
    const capability = await capabilityOf();
    const elsewhere = { ...resource, host: 'elsewhere.test' };
    expect(checkGrant(capability, indexOf('code.read'), resource)).toBeUndefined();
    expect(checkGrant(capability, indexOf('code.write'), resource)).toBe('ACTION_NOT_GRANTED');
    expect(checkGrant(capability, indexOf('code.write'), elsewhere)).toBe('ACTION_NOT_GRANTED');
    expect(checkGrant(capability, indexOf('code.read'), elsewhere)).toBe('RESOURCE_OUT_OF_SCOPE');
  });

  it('covers nothing for an index that is no class', async () => {
    const capability = await capabilityOf();
    for (const index of [-1, 44, 0.5, Number.NaN]) {
      expect(checkGrant(capability, index, resource)).toBe('ACTION_NOT_GRANTED');
    }
  });

  it('of a narrower token never allows more', async () => {
    const base = (await capabilityOf()).claims;
    const names = ACTION_CLASSES.map((info) => info.name);
    const revocations = new RevocationSet();
    const allowed = (capability: Capability, index: number, host: string, nowS: number): boolean =>
      checkStanding(capability, nowS, 5, false, revocations) === undefined &&
      checkGrant(capability, index, { ...resource, host }) === undefined;
    fc.assert(
      fc.property(
        fc.subarray(names),
        fc.subarray(hosts),
        fc.nat(1000),
        fc.func(fc.boolean()),
        fc.nat(names.length - 1),
        fc.constantFrom(...hosts),
        fc.integer({ min: -10, max: 1100 }),
        (actions, scope, ttl, keep, index, host, offset) => {
          const wide = capabilityFrom(base, actions, scope, NOW_S + ttl);
          const narrow = capabilityFrom(
            base,
            actions.filter((name) => keep(name)),
            scope.filter((name) => keep(name)),
            NOW_S + Math.floor(ttl / 2),
          );
          const inNarrow = allowed(narrow, index, host, NOW_S + offset);
          const inWide = allowed(wide, index, host, NOW_S + offset);
          expect(inNarrow && !inWide).toBe(false);
        },
      ),
    );
  });
});
