import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { CompileScope } from '../../native-free-core/capability/claims.ts';
import type { VerificationJwk } from '../../native-free-core/capability/keys.ts';
import { TokenVerifier } from '../../native-free-core/capability/verify.ts';
import type { VerifierOptions } from '../../native-free-core/capability/verify.ts';

export const NOW_S = 1_800_000_000;

export interface Signer {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: VerificationJwk;
}

export function signer(kid: string): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { kid, privateKey, publicKey, jwk: publicKey.export({ format: 'jwk' }) };
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Claims that are good at NOW_S, changed as told; `undefined` removes one. */
export function claims(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const all: Record<string, unknown> = {
    iss: 'https://authority.test',
    aud: 'sidecar-1',
    sub: 'agent-7',
    groups: ['builders'],
    sid: 'AAECAwQFBgcICQoLDA0ODw',
    jti: 'token-1',
    iat: NOW_S,
    nbf: NOW_S,
    exp: NOW_S + 600,
    action_set: ['code.read', 'payment.transfer'],
    resource_scope: ['api.github.com'],
    budgets: [{ name: 'spend', match: ['payment.*'], max_amount: 500, currency: 'usd' }],
    context_hash: createHash('sha256').update('context').digest('base64url'),
    ...changes,
  };
  for (const name of Object.keys(all)) {
    if (all[name] === undefined) delete all[name];
  }
  return all;
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** Signs exactly these two texts, whatever they say. */
export function signText(by: Signer, header: string, payload: string): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${sign(null, Buffer.from(input), by.privateKey).toString('base64url')}`;
}

export function mint(
  by: Signer,
  payload: unknown = claims(),
  header: Readonly<Record<string, unknown>> = {},
): string {
  const head = { alg: 'EdDSA', typ: 'firma-cap+jwt', kid: by.kid, ...header };
  return signText(by, JSON.stringify(head), JSON.stringify(payload));
}

/** Scope by host alone: `host`, or `*`. The real grammar is the normalizer's. */
export const scopeByHost: CompileScope = (patterns) => {
  if (patterns.includes('!')) return { invalid: '`!` is no pattern' };
  return {
    matches: (resource) => patterns.includes('*') || patterns.includes(resource.host),
  };
};

export function verifier(
  signers: readonly Signer[],
  changes: Partial<VerifierOptions> = {},
): Promise<TokenVerifier> {
  return TokenVerifier.create({
    issuer: 'https://authority.test',
    audience: 'sidecar-1',
    skewS: 5,
    maxTtlS: 3600,
    sha256Hex,
    keys: keysOf(...signers),
    compileScope: scopeByHost,
    ...changes,
  });
}

export function keysOf(...signers: readonly Signer[]): ReadonlyMap<string, VerificationJwk> {
  return new Map(signers.map((one) => [one.kid, one.jwk]));
}
