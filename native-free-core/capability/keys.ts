import { importJWK } from 'jose/key/import';
import { StateUnusable } from '../errors.ts';

type ImportedKey = Exclude<Awaited<ReturnType<typeof importJWK>>, Uint8Array>;

/** A public Ed25519 key as a JWK (RFC 8037). Members that are not named here are ignored. */
export interface VerificationJwk {
  readonly kty?: string | undefined;
  readonly crv?: string | undefined;
  readonly x?: string | undefined;
  /** Of a private key: its presence refuses the key. */
  readonly d?: string | undefined;
  readonly kid?: string | undefined;
  readonly use?: string | undefined;
  readonly alg?: string | undefined;
}

export interface VerificationKey {
  readonly x: string;
  readonly key: ImportedKey;
}

const MAX_KEYS = 64;
const KID = /^[\x21-\x7e]{1,128}$/;
// 32 bytes: the last character carries four bits, so its two low bits are zero.
const X = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

function reject(kid: string, why: string): StateUnusable {
  return new StateUnusable(`key \`${kid}\` cannot verify tokens: ${why}; give a public Ed25519 key as a JWK`);
}

function publicPart(kid: string, jwk: VerificationJwk): string {
  if (jwk.kty !== 'OKP' || jwk.crv !== 'Ed25519') throw reject(kid, 'it is not of type `OKP` on `Ed25519`');
  if (jwk.d !== undefined) throw reject(kid, 'it is a private key');
  if (jwk.use !== undefined && jwk.use !== 'sig') throw reject(kid, 'its `use` is not `sig`');
  if (jwk.alg !== undefined && jwk.alg !== 'EdDSA') throw reject(kid, 'its `alg` is not `EdDSA`');
  if (jwk.kid !== undefined && jwk.kid !== kid) throw reject(kid, 'its `kid` is another one');
  if (typeof jwk.x !== 'string' || !X.test(jwk.x)) throw reject(kid, 'its `x` is not 32 bytes in base64url');
  return jwk.x;
}

/**
 * Imports the keys tokens may be signed with, by `kid`.
 *
 * @param known keys imported before: one with the same `kid` and the same bytes stays the same object
 * @throws StateUnusable for a key that is not a public Ed25519 key meant for signatures, or more than 64 keys
 */
export async function importKeys(
  jwks: ReadonlyMap<string, VerificationJwk>,
  known?: ReadonlyMap<string, VerificationKey>,
): Promise<ReadonlyMap<string, VerificationKey>> {
  if (jwks.size > MAX_KEYS) {
    throw new StateUnusable(
      `${jwks.size} keys to verify tokens with; at most ${MAX_KEYS} are kept, remove old ones`,
    );
  }
  const keys = new Map<string, VerificationKey>();
  for (const [kid, jwk] of jwks) {
    if (!KID.test(kid))
      throw new StateUnusable('a `kid` is 1 to 128 printable ASCII characters; rename the key');
    const x = publicPart(kid, jwk);
    const before = known?.get(kid);
    if (before?.x === x) {
      keys.set(kid, before);
      continue;
    }
    // Only these members: what else the JWK says cannot change what the key is used for.
    const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x }, 'EdDSA');
    keys.set(kid, { x, key });
  }
  return keys;
}
