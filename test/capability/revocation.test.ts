import { describe, expect, it } from 'vitest';
import { checkClaims } from '../../native-free-core/capability/claims-check.ts';
import type { Claims } from '../../native-free-core/capability/claims.ts';
import { RevocationSet } from '../../native-free-core/capability/revocation.ts';
import { claims, NOW_S } from './authority.ts';

function claimsOf(): Claims {
  const rules = { issuer: 'https://authority.test', audience: 'sidecar-1', skewS: 5, maxTtlS: 3600 };
  const checked = checkClaims(claims(), rules, NOW_S);
  if ('invalid' in checked) throw new Error(checked.invalid);
  return checked;
}

const NONE = { jti: [], sid: [], sub: [] };

describe('revocations', () => {
  it('revoke a token by its id, its session or its agent, each only in its own list', () => {
    const { jti, sid, sub } = claimsOf();
    for (const list of [{ jti: [jti] }, { sid: [sid] }, { sub: [sub] }]) {
      const set = new RevocationSet();
      set.replace({ sequence: 1, ...NONE, ...list }, NOW_S);
      expect(set.isRevoked(claimsOf())).toBe(true);
    }
    const crossed = new RevocationSet();
    crossed.replace({ sequence: 1, jti: [sid, sub], sid: [jti, sub], sub: [jti, sid] }, NOW_S);
    expect(crossed.isRevoked(claimsOf())).toBe(false);
  });

  it('do not go back to an earlier list', () => {
    const set = new RevocationSet();
    const { jti } = claimsOf();
    expect(set.replace({ sequence: 5, ...NONE, jti: [jti] }, NOW_S)).toBe('replaced');
    expect(set.replace({ sequence: 4, ...NONE }, NOW_S + 100)).toBe('older');
    expect(set.replace({ sequence: Number.NaN, ...NONE }, NOW_S + 100)).toBe('older');
    expect(set.isRevoked(claimsOf())).toBe(true);
    expect(set.ageS(NOW_S + 100)).toBe(100);
    expect(set.replace({ sequence: 6, ...NONE }, NOW_S + 100)).toBe('replaced');
    expect(set.isRevoked(claimsOf())).toBe(false);
    expect(set.sequence).toBe(6);
  });

  it('are as old as what the Authority last said, which never looks younger than it is', () => {
    const set = new RevocationSet();
    expect(set.ageS(NOW_S)).toBe(Infinity);
    set.replace({ sequence: 1, ...NONE }, NOW_S);
    expect(set.ageS(NOW_S + 30)).toBe(30);
    set.replace({ sequence: 1, ...NONE }, NOW_S + 20);
    expect(set.ageS(NOW_S + 30)).toBe(10);
    set.replace({ sequence: 1, ...NONE }, NOW_S - 500);
    expect(set.ageS(NOW_S + 30)).toBe(10);
    set.replace({ sequence: 2, ...NONE }, Number.NaN);
    expect(set.ageS(NOW_S + 30)).toBe(10);
  });

  it('keep the list under its sequence, whatever a second one with the same says', () => {
    const set = new RevocationSet();
    const { jti } = claimsOf();
    set.replace({ sequence: 5, ...NONE, jti: [jti] }, NOW_S);
    set.replace({ sequence: 5, ...NONE }, NOW_S);
    expect(set.isRevoked(claimsOf())).toBe(true);
  });

  it('refuse a list that is too large, and age', () => {
    const set = new RevocationSet(2);
    expect(set.replace({ sequence: 1, jti: ['a'], sid: ['b'], sub: ['c'] }, NOW_S)).toBe('too-large');
    expect(set.ageS(NOW_S)).toBe(Infinity);
  });
});
