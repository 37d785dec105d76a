import { createPublicKey, hash, verify } from 'node:crypto';

// The fixed head of a SubjectPublicKeyInfo that holds an Ed25519 key (RFC 8410 §4).
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

export function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}

/**
 * Checks an Ed25519 signature.
 *
 * @param publicKey 32 bytes
 * @returns false for a bad signature and for a key that is none
 */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, publicKey]), format: 'der', type: 'spki' });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}
