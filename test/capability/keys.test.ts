import { createPublicKey, generateKeyPairSync, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importKeys } from '../../native-free-core/capability/keys.ts';
import type { VerificationJwk } from '../../native-free-core/capability/keys.ts';
import { describeShared, sharedPath } from '../shared-data.ts';
import { mint, NOW_S, signer, verifier } from './authority.ts';

const good = signer('k1');

describe('a key', () => {
  it('is taken where it is a public Ed25519 key for signatures', async () => {
    for (const extra of [
      {},
      { use: 'sig' },
      { alg: 'EdDSA' },
      { kid: 'k1' },
      { use: 'sig', alg: 'EdDSA', kid: 'k1' },
    ]) {
      const keys = await importKeys(new Map([['k1', { ...good.jwk, ...extra }]]));
      expect(keys.get('k1')?.key.type).toBe('public');
    }
  });

  it('is refused otherwise', async () => {
    const ec: VerificationJwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
      format: 'jwk',
    });
    const x25519: VerificationJwk = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });
    const refused: readonly VerificationJwk[] = [
      good.privateKey.export({ format: 'jwk' }),
      ec,
      x25519,
      { kty: 'oct' },
      { ...good.jwk, kty: 'oct' },
      { ...good.jwk, crv: 'Ed448' },
      { ...good.jwk, use: 'enc' },
      { ...good.jwk, alg: 'ES256' },
      { ...good.jwk, kid: 'k2' },
      { ...good.jwk, x: undefined },
      { ...good.jwk, x: 'AAAA' },
      { ...good.jwk, x: `${good.jwk.x ?? ''}A` },
      {},
    ];
    for (const jwk of refused) {
      const outcome = importKeys(new Map([['k1', jwk]]));
      await expect(outcome).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
    }
  });

  it('is refused without quoting it, above all a private one', async () => {
    const jwk = good.privateKey.export({ format: 'jwk' });
    const error: unknown = await importKeys(new Map([['k1', jwk]])).catch((reason: unknown) => reason);
    expect(String(error)).toContain('private key');
    expect(String(error)).not.toContain(jwk.d ?? 'd');
  });

  it('needs a printable kid, and there are at most 64', async () => {
    for (const kid of ['', 'a b', 'k\n', 'k'.repeat(129)]) {
      await expect(importKeys(new Map([[kid, good.jwk]]))).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
    }
    const many = new Map(Array.from({ length: 65 }, (_, index) => [`k${index}`, good.jwk]));
    await expect(importKeys(many)).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  });
});

interface Vectors {
  readonly testGroups: readonly {
    readonly publicKeyDer: string;
    readonly tests: readonly { tcId: number; msg: string; sig: string; result: string }[];
  }[];
}

async function load(): Promise<Vectors> {
  const vectors: Vectors = JSON.parse(readFileSync(sharedPath('vectors/wycheproof-ed25519.json'), 'utf8'));
  expect(vectors.testGroups.length).toBeGreaterThan(50);
  return vectors;
}

function jwkOf(der: string): VerificationJwk {
  return createPublicKey({ key: Buffer.from(der, 'hex'), format: 'der', type: 'spki' }).export({
    format: 'jwk',
  });
}

// A compact JWS fixes how the signed bytes begin, so the vectors' messages cannot be tokens. They go through the same key
// import and the WebCrypto call that jose makes with its result; and every signature no verifier should take goes
// through the whole path, under its own key, in the place of a token's.
describeShared('Wycheproof Ed25519', 'vectors/wycheproof-ed25519.json', () => {
  it('verifies what is valid, and nothing else', async () => {
    let count = 0;
    for (const group of (await load()).testGroups) {
      const key = (await importKeys(new Map([['k1', jwkOf(group.publicKeyDer)]]))).get('k1')?.key;
      expect(key).toBeDefined();
      if (key === undefined) continue;
      for (const { tcId, msg, sig, result } of group.tests) {
        const verified = await webcrypto.subtle.verify(
          { name: 'Ed25519' },
          key,
          Buffer.from(sig, 'hex'),
          Buffer.from(msg, 'hex'),
        );
        expect({ tcId, verified }).toEqual({ tcId, verified: result === 'valid' });
        count += 1;
      }
    }
    expect(count).toBe(151);
  });

  it('takes no invalid signature on a token', async () => {
    const unsigned = mint(good).split('.').slice(0, 2).join('.');
    for (const group of (await load()).testGroups) {
      const subject = await verifier([], { keys: new Map([['k1', jwkOf(group.publicKeyDer)]]) });
      for (const { tcId, sig, result } of group.tests) {
        if (result === 'valid') continue;
        const token = `${unsigned}.${Buffer.from(sig, 'hex').toString('base64url')}`;
        const answer = await subject.verify(token, NOW_S);
        expect({ tcId, ...answer }).toMatchObject({ tcId, refused: 'TOKEN_INVALID' });
      }
    }
  });
});
