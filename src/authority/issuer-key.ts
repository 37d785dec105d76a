import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { StateUnusable } from '@firma/core';
import { loadOrCreateKeyFile } from '../config/key-file.ts';

/** A public Ed25519 key as a JWK (RFC 8037), under its `kid`. */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: 'EdDSA';
}

function newJwk(): string {
  const { kty, crv, x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return `${JSON.stringify({ kty, crv, x, d })}\n`;
}

function parsePrivate(text: string, file: string): { readonly privateKey: KeyObject; readonly x: string } {
  try {
    const jwk: unknown = JSON.parse(text);
    if (typeof jwk === 'object' && jwk !== null) {
      const privateKey = createPrivateKey({ key: { ...jwk }, format: 'jwk' });
      const { crv, x } = createPublicKey(privateKey).export({ format: 'jwk' });
      if (crv === 'Ed25519' && x !== undefined && 'x' in jwk && jwk.x === x) return { privateKey, x };
    }
  } catch {
    // What node says of a broken key may quote it.
  }
  throw new StateUnusable(
    'holds no Ed25519 private key as a JWK; restore it, or move it away to have a new one made (tokens issued before then stop working)',
    { file },
  );
}

/** RFC 7638: SHA-256 over the required members in alphabetical order. */
function thumbprint(x: string): string {
  return createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
}

/** The Authority's signing key. The private part never leaves this object. */
export class IssuerKey {
  readonly publicJwk: PublicJwk;
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;

  private constructor(privateKey: KeyObject, x: string) {
    this.#privateKey = privateKey;
    this.#publicKey = createPublicKey(privateKey);
    this.publicJwk = { kty: 'OKP', crv: 'Ed25519', x, kid: thumbprint(x), use: 'sig', alg: 'EdDSA' };
  }

  /**
   * Reads the key at `file`, making one where there is none.
   *
   * @throws StateUnusable where the file is no such key, or is not its owner's alone
   */
  static async open(file: string): Promise<IssuerKey> {
    const { privateKey, x } = parsePrivate(await loadOrCreateKeyFile(file, newJwk), file);
    return new IssuerKey(privateKey, x);
  }

  get kid(): string {
    return this.publicJwk.kid;
  }

  sign(bytes: Uint8Array): Buffer {
    return sign(null, bytes, this.#privateKey);
  }

  verify(bytes: Uint8Array, signature: Uint8Array): boolean {
    return verify(null, bytes, this.#publicKey, signature);
  }
}
