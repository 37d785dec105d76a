import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { claims, keysOf, mint, NOW_S, signer, signText, verifier } from './authority.ts';

const authority = signer('k1');
const HEADER = { alg: 'EdDSA', typ: 'firma-cap+jwt', kid: 'k1' };

async function outcomeOf(token: string, nowS = NOW_S): Promise<string> {
  const answer = await (await verifier([authority])).verify(token, nowS);
  return 'refused' in answer ? answer.refused : 'OK';
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Header and payload as told, with a signature made by somebody else's rules. */
function withSignature(header: unknown, signature: (input: string) => Buffer): string {
  const input = `${encode(header)}.${encode(claims())}`;
  return `${input}.${signature(input).toString('base64url')}`;
}

describe('a good token', () => {
  it('becomes a capability with its claims, classes, scope and session key', async () => {
    const answer = await (await verifier([authority])).verify(mint(authority), NOW_S);
    if ('refused' in answer) throw new Error(answer.detail);
    expect(answer.claims).toMatchObject({ sub: 'agent-7', jti: 'token-1', groups: ['builders'] });
    expect(answer.claims.budgets).toEqual([
      { name: 'spend', match: ['payment.*'], maxAmount: 500, currency: 'usd' },
    ]);
    expect(answer.actions.reduce((sum, bit) => sum + bit, 0)).toBe(2);
    expect(
      answer.scope.matches({ scheme: 'https', host: 'api.github.com', port: 443, path: '/', foldMask: 0 }),
    ).toBe(true);
    expect(answer.sessionKey).toBe('https://authority.test\nagent-7\nAAECAwQFBgcICQoLDA0ODw');
  });

  it('is refused by a sidecar with another audience or issuer', async () => {
    for (const other of [{ audience: 'sidecar-2' }, { issuer: 'https://other.test' }]) {
      const answer = await (await verifier([authority], other)).verify(mint(authority), NOW_S);
      expect(answer).toMatchObject({ refused: 'TOKEN_INVALID' });
    }
  });

  it('still says whose session it is after it expired', async () => {
    expect(await outcomeOf(mint(authority), NOW_S + 10_000)).toBe('OK');
  });
});

describe('a forged token is TOKEN_INVALID', () => {
  it('with alg none, signed or not', async () => {
    const none = { ...HEADER, alg: 'none' };
    expect(await outcomeOf(`${encode(none)}.${encode(claims())}.`)).toBe('TOKEN_INVALID');
    const answer = await (
      await verifier([authority])
    ).verify(mint(authority, claims(), { alg: 'none' }), NOW_S);
    expect(answer).toMatchObject({ refused: 'TOKEN_INVALID', detail: expect.stringContaining('`alg`') });
  });

  it('with an HMAC keyed by the public key', async () => {
    for (const secret of [
      authority.publicKey.export({ format: 'pem', type: 'spki' }),
      Buffer.from(authority.jwk.x ?? '', 'base64url'),
    ]) {
      const hs256 = withSignature({ ...HEADER, alg: 'HS256' }, (input) =>
        createHmac('sha256', secret).update(input).digest(),
      );
      // 64 bytes, so that the length alone does not give it away.
      const hs512 = withSignature({ ...HEADER, alg: 'HS512' }, (input) =>
        createHmac('sha512', secret).update(input).digest(),
      );
      const disguised = withSignature(HEADER, (input) => createHmac('sha512', secret).update(input).digest());
      for (const token of [hs256, hs512, disguised]) expect(await outcomeOf(token)).toBe('TOKEN_INVALID');
    }
  });

  it('with an RSA signature', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const token = withSignature({ ...HEADER, alg: 'RS256' }, (input) =>
      sign('sha256', Buffer.from(input), privateKey),
    );
    expect(await outcomeOf(token)).toBe('TOKEN_INVALID');
  });

  it('signed by an unknown key, or under a kid that is not known', async () => {
    const stranger = signer('k1');
    expect(await outcomeOf(mint(stranger))).toBe('TOKEN_INVALID');
    expect(await outcomeOf(mint(authority, claims(), { kid: 'k2' }))).toBe('TOKEN_INVALID');
    for (const kid of ['', '__proto__', 7, null, undefined]) {
      expect(await outcomeOf(mint(authority, claims(), { kid }))).toBe('TOKEN_INVALID');
    }
  });

  it('with any header but alg, typ and kid', async () => {
    for (const header of [
      { typ: 'JWT' },
      { typ: 'application/firma-cap+jwt' },
      { typ: undefined },
      { alg: 'Ed25519' },
      { alg: 'eddsa' },
      { crit: ['exp'] },
      { crit: ['b64'], b64: true },
      { b64: true },
      { jwk: authority.jwk },
      { jku: 'https://keys.test' },
      { x5u: 'https://keys.test' },
      { cty: 'JWT' },
    ]) {
      const outcome = await outcomeOf(mint(authority, claims(), header));
      expect({ header, outcome }).toEqual({ header, outcome: 'TOKEN_INVALID' });
    }
  });

  it('with a header or payload that is no JSON object', async () => {
    const head = JSON.stringify(HEADER);
    for (const text of ['', 'null', '[]', '"x"', '{', '\uFEFF{}', '{"a":1}}']) {
      expect(await outcomeOf(signText(authority, text, JSON.stringify(claims())))).toBe('TOKEN_INVALID');
      expect(await outcomeOf(signText(authority, head, text))).toBe('TOKEN_INVALID');
    }
  });

  it('cut anywhere, or with something added', async () => {
    const token = mint(authority);
    const subject = await verifier([authority]);
    for (let length = 0; length < token.length; length += 7) {
      expect(await subject.verify(token.slice(0, length), NOW_S)).toMatchObject({ refused: 'TOKEN_INVALID' });
    }
    const more = [
      `${token}A`,
      `${token}=`,
      `${token}.`,
      ` ${token}`,
      `${token}\n`,
      `Bearer ${token}`,
      `${token}.e30`,
    ];
    for (const text of more) {
      expect(await subject.verify(text, NOW_S)).toMatchObject({ refused: 'TOKEN_INVALID' });
    }
    expect(await subject.verify(token, NOW_S)).toHaveProperty('claims');
  });

  it('with one bit flipped in any of its three parts, unused bits of the text included', async () => {
    const token = mint(authority);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const subject = await verifier([authority]);
    const [header, payload] = token.split('.').map((part) => part.length);
    const places = [
      0,
      5,
      (header ?? 0) - 1,
      (header ?? 0) + 1,
      (header ?? 0) + (payload ?? 0),
      token.length - 1,
    ];
    for (let at = 3; at < token.length; at += 41) places.push(at);
    for (const at of places) {
      const value = alphabet.indexOf(token.charAt(at));
      if (value < 0) continue;
      for (let bit = 1; bit < 64; bit *= 2) {
        const flipped = token.slice(0, at) + alphabet.charAt(value ^ bit) + token.slice(at + 1);
        expect(await subject.verify(flipped, NOW_S)).toMatchObject({ refused: 'TOKEN_INVALID' });
      }
    }
  });

  it('with the group order added to the signature, which a lenient verifier takes', async () => {
    const token = mint(authority);
    const signature = Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url');
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    let s = order;
    for (let at = 32; at < 64; at++) s += BigInt(signature[at] ?? 0) << BigInt(8 * (at - 32));
    for (let at = 32; at < 64; at++) signature[at] = Number((s >> BigInt(8 * (at - 32))) & 255n);
    const forged = `${token.slice(0, token.lastIndexOf('.'))}.${signature.toString('base64url')}`;
    expect(await outcomeOf(forged)).toBe('TOKEN_INVALID');
  });

  it('longer than 8 KiB, whatever it says', async () => {
    const subject = await verifier([authority]);
    const filler = Array.from({ length: 10 }, () => 'p'.repeat(512));
    const sized = (chars: number): string =>
      mint(authority, claims({ resource_scope: [...filler, 'p'.repeat(chars)] }));
    let chars = 1;
    while (sized(chars + 1).length <= 8192) chars += 1;
    expect(await subject.verify(sized(chars), NOW_S)).toHaveProperty('claims');
    const tooLong = [sized(chars + 1), 'A'.repeat(8193)];
    for (const text of tooLong) {
      expect(await subject.verify(text, NOW_S)).toMatchObject({
        refused: 'TOKEN_INVALID',
        detail: expect.stringContaining('8 KiB'),
      });
      expect(subject.cached(text, NOW_S)).toBeUndefined();
    }
  });

  it('with a scope that does not compile', async () => {
    expect(await outcomeOf(mint(authority, claims({ resource_scope: ['!'] })))).toBe('TOKEN_INVALID');
  });

  it('and the detail never quotes it', async () => {
    const subject = await verifier([authority]);
    for (const token of [
      'secret-looking-text',
      mint(authority, claims({ sub: 'secret-looking-text', aud: 'x' })),
      mint(authority, claims({ action_set: ['secret.looking'] })),
      mint(authority, claims(), { kid: 'secret-looking-text' }),
    ]) {
      const answer = await subject.verify(token, NOW_S);
      expect(answer).toHaveProperty('detail');
      expect(JSON.stringify(answer)).not.toContain('secret');
    }
  });
});

describe('the cache', () => {
  it('answers at once for a token verified before, and counts', async () => {
    const subject = await verifier([authority]);
    const token = mint(authority);
    expect(subject.cached(token, NOW_S)).toBeUndefined();
    const verified = await subject.verify(token, NOW_S);
    expect(subject.cached(token, NOW_S)).toBe(verified);
    expect(await subject.verify('bad', NOW_S)).toHaveProperty('refused');
    expect(subject.stats).toEqual({ hits: 1, misses: 1, refusals: 1 });
  });

  it('holds a token no longer than its exp', async () => {
    const subject = await verifier([authority]);
    const token = mint(authority);
    await subject.verify(token, NOW_S);
    expect(subject.cached(token, NOW_S + 599.9)).toBeDefined();
    expect(subject.cached(token, NOW_S + 600)).toBeUndefined();
    expect(subject.cached(token, NOW_S)).toBeUndefined();
    await subject.verify(token, NOW_S + 600);
    expect(subject.cached(token, NOW_S + 600)).toBeUndefined();
  });

  it('never holds a bad token, and a flood of them evicts no good one', async () => {
    const subject = await verifier([authority], { cacheSize: 2 });
    const token = mint(authority);
    await subject.verify(token, NOW_S);
    const stranger = signer('k1');
    for (let index = 0; index < 50; index++) {
      const bad = mint(stranger, claims({ jti: `bad-${index}` }));
      expect(await subject.verify(bad, NOW_S)).toMatchObject({ refused: 'TOKEN_INVALID' });
      expect(subject.cached(bad, NOW_S)).toBeUndefined();
    }
    expect(subject.cached(token, NOW_S)).toBeDefined();
  });

  it('gives no place to a token that expired already', async () => {
    const subject = await verifier([authority], { cacheSize: 1 });
    const token = mint(authority);
    await subject.verify(token, NOW_S);
    const expired = { jti: 'old', iat: NOW_S - 600, nbf: NOW_S - 600, exp: NOW_S };
    expect(await subject.verify(mint(authority, claims(expired)), NOW_S)).toHaveProperty('claims');
    expect(subject.cached(token, NOW_S)).toBeDefined();
  });

  it('drops the token used longest ago once it is full', async () => {
    const subject = await verifier([authority], { cacheSize: 2 });
    const tokens = ['a', 'b', 'c'].map((jti) => mint(authority, claims({ jti })));
    for (const token of tokens) await subject.verify(token, NOW_S);
    expect(tokens.map((token) => subject.cached(token, NOW_S) !== undefined)).toEqual([false, true, true]);
  });
});

describe('keys', () => {
  it('that are removed take their cached tokens with them, and no others', async () => {
    const second = signer('k2');
    const subject = await verifier([authority, second]);
    const [first, other] = [mint(authority), mint(second)];
    await subject.verify(first, NOW_S);
    await subject.verify(other, NOW_S);
    await subject.replaceKeys(keysOf(second));
    expect(subject.cached(first, NOW_S)).toBeUndefined();
    expect(await subject.verify(first, NOW_S)).toMatchObject({ refused: 'TOKEN_INVALID' });
    expect(subject.cached(other, NOW_S)).toBeDefined();
  });

  it('that change under the same kid take their cached tokens with them', async () => {
    const subject = await verifier([authority]);
    const token = mint(authority);
    await subject.verify(token, NOW_S);
    const successor = signer('k1');
    await subject.replaceKeys(keysOf(successor));
    expect(subject.cached(token, NOW_S)).toBeUndefined();
    expect(await subject.verify(mint(successor), NOW_S)).toHaveProperty('claims');
  });

  it('removed while a token of theirs is being verified refuse it', async () => {
    const subject = await verifier([authority]);
    const token = mint(authority);
    const pending = subject.verify(token, NOW_S);
    // No key has to be imported, so the removal is done before the signature is.
    await subject.replaceKeys(new Map());
    expect(await pending).toMatchObject({ refused: 'TOKEN_INVALID' });
    expect(subject.cached(token, NOW_S)).toBeUndefined();
  });

  it('stay as they are where one of the new ones cannot be used', async () => {
    const subject = await verifier([authority]);
    const broken = new Map([['k9', { kty: 'RSA' }]]);
    await expect(subject.replaceKeys(broken)).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
    expect(await subject.verify(mint(authority), NOW_S)).toHaveProperty('claims');
  });

  it('come from the latest call, even where an earlier one ends later', async () => {
    const newcomer = signer('k2');
    const subject = await verifier([authority]);
    // The first has a key to import, the second none: it is done first.
    await Promise.all([subject.replaceKeys(keysOf(authority, newcomer)), subject.replaceKeys(new Map())]);
    expect(await subject.verify(mint(newcomer), NOW_S)).toMatchObject({ refused: 'TOKEN_INVALID' });
  });
});

describe('a handle', () => {
  it('stands while the key of its token is in force under its kid', async () => {
    const second = signer('k2');
    const subject = await verifier([authority, second]);
    const handle = await subject.handle(mint(authority), NOW_S);
    if ('refused' in handle) throw new Error(handle.detail);
    expect(subject.cached(mint(authority), NOW_S)).toBe(handle.capability);
    await subject.replaceKeys(keysOf(authority));
    expect(subject.stands(handle)).toBe(true);
    await subject.replaceKeys(keysOf(signer('k1')));
    expect(subject.stands(handle)).toBe(false);
    await subject.replaceKeys(keysOf(second));
    expect(subject.stands(handle)).toBe(false);
  });
});

describe('verifications in flight', () => {
  it('of one text are one verification', async () => {
    const subject = await verifier([authority], { maxInFlight: 1 });
    const token = mint(authority);
    const [left, right] = await Promise.all([subject.verify(token, NOW_S), subject.verify(token, NOW_S)]);
    expect(left).toHaveProperty('claims');
    expect(right).toBe(left);
  });

  it('are bounded: one more is OVERLOADED, and there is room again afterwards', async () => {
    const subject = await verifier([authority], { maxInFlight: 4, maxInFlightPerSession: 4 });
    const tokens = Array.from({ length: 5 }, (_, index) => mint(authority, claims({ jti: `t-${index}` })));
    const answers = await Promise.all(tokens.map((token) => subject.verify(token, NOW_S)));
    expect(answers.map((answer) => 'refused' in answer && answer.refused)).toEqual([
      false,
      false,
      false,
      false,
      'OVERLOADED',
    ]);
    expect(await subject.verify(tokens[4] ?? '', NOW_S)).toHaveProperty('claims');
  });

  it('of one source are bounded by its share, so that others get through', async () => {
    const subject = await verifier([authority], {
      maxInFlight: 8,
      maxInFlightPerSource: 2,
      maxInFlightPerSession: 8,
    });
    const stranger = signer('k1');
    const flood = Array.from({ length: 20 }, (_, index) =>
      subject.verify(mint(stranger, claims({ jti: `bad-${index}` })), NOW_S, 'flooder'),
    );
    expect(await subject.verify(mint(authority), NOW_S, 'somebody')).toHaveProperty('claims');
    const refused = (await Promise.all(flood)).map((answer) => ('refused' in answer ? answer.refused : 'OK'));
    expect(refused.filter((reason) => reason === 'TOKEN_INVALID')).toHaveLength(2);
    expect(refused.filter((reason) => reason === 'OVERLOADED')).toHaveLength(18);
    expect(await subject.verify(mint(authority, claims({ jti: 'x' })), NOW_S, 'flooder')).toHaveProperty(
      'claims',
    );
  });

  it('of one claimed session are an eighth, forged or not, and others get through', async () => {
    const subject = await verifier([authority], { maxInFlight: 16 });
    const stranger = signer('k1');
    const victim = mint(authority, claims({ sid: 'BBECAwQFBgcICQoLDA0ODw' }));
    const known = mint(authority, claims({ sid: 'BBECAwQFBgcICQoLDA0ODw', jti: 'known' }));
    await subject.verify(known, NOW_S);
    const forged = (index: number): string =>
      mint(stranger, claims({ sid: 'BBECAwQFBgcICQoLDA0ODw', jti: `bad-${index}` }));
    const flood = Array.from({ length: 20 }, (_, index) =>
      subject.verify(forged(index), NOW_S, `source-${index}`),
    );
    // While it lasts, only first verifications of that session are refused.
    const [other, cached, first] = await Promise.all([
      subject.verify(mint(authority), NOW_S),
      subject.verify(known, NOW_S),
      subject.verify(victim, NOW_S),
    ]);
    expect([other, cached]).toEqual([
      expect.objectContaining({ claims: expect.anything() }),
      expect.objectContaining({ claims: expect.anything() }),
    ]);
    expect(first).toMatchObject({ refused: 'OVERLOADED' });
    const refused = (await Promise.all(flood)).map((answer) => ('refused' in answer ? answer.refused : 'OK'));
    expect(refused.filter((reason) => reason === 'TOKEN_INVALID')).toHaveLength(2);
    expect(await subject.verify(victim, NOW_S)).toHaveProperty('claims');
  });

  it('take no place for what is refused before its signature', async () => {
    const subject = await verifier([authority], { maxInFlight: 1 });
    const junk = Array.from({ length: 10 }, (_, index) => subject.verify(`junk-${index}`, NOW_S));
    expect(await subject.verify(mint(authority), NOW_S)).toHaveProperty('claims');
    for (const answer of await Promise.all(junk)) expect(answer).toMatchObject({ refused: 'TOKEN_INVALID' });
  });
});
