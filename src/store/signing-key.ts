import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { decodeBase64, encodeBase64, formatVerifierKey, makeVerifierKey, StateUnusable } from '@firma/core';
import type { NoteSigner } from '@firma/core';
import { loadOrCreateKeyFile } from '../config/key-file.ts';
import { sha256 } from './ed25519.ts';

// The fixed head of a PKCS #8 key that holds an Ed25519 seed (RFC 8410 §7).
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;
const PREFIX = 'PRIVATE+KEY+';

function publicKeyOf(seed: Uint8Array): Uint8Array {
  const key = createPublicKey(privateKeyOf(seed));
  return key.export({ format: 'der', type: 'spki' }).subarray(-SEED_BYTES);
}

function privateKeyOf(seed: Uint8Array): ReturnType<typeof createPrivateKey> {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
}

function createKeyText(name: string): string {
  const der = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
  const seed = der.subarray(-SEED_BYTES);
  const { hash } = makeVerifierKey(name, publicKeyOf(seed), sha256);
  return `${PREFIX}${name}+${hash}+${encodeBase64(Buffer.concat([Buffer.of(0x01), seed]))}\n`;
}

function parseKeyText(text: string, file: string): NoteSigner {
  const parts = text.startsWith(PREFIX) ? text.trimEnd().slice(PREFIX.length).split('+') : [];
  const [name, hash] = parts;
  const typed = decodeBase64(parts.slice(2).join('+'));
  if (name === undefined || typed === undefined || typed[0] !== 0x01 || typed.length !== 1 + SEED_BYTES) {
    throw new StateUnusable(
      'holds no log signing key; put the right file back, or move this one away to make a new key',
      {
        file,
      },
    );
  }
  const seed = typed.subarray(1);
  const key = makeVerifierKey(name, publicKeyOf(seed), sha256);
  if (key.hash !== hash)
    throw new StateUnusable('holds a signing key that does not match its hash', { file });
  const privateKey = privateKeyOf(seed);
  return { key, sign: (bytes) => sign(null, bytes, privateKey) };
}

/** Where the public half of a signing key stands: beside it, `.vkey` in place of its extension. */
export function verifierKeyPath(keyFile: string): string {
  return `${keyFile.replace(/\.[^./]+$/, '')}.vkey`;
}

/**
 * The key that signs a log, made at first use, in the note format's own text form; its public half is written
 * beside it for anybody to read.
 *
 * @param name of a new key; an existing one keeps its own
 * @throws StateUnusable where the file is open to others, another user's, or holds no key
 */
export async function loadSigningKey(keyFile: string, name: string): Promise<NoteSigner> {
  const signer = parseKeyText(await loadOrCreateKeyFile(keyFile, () => createKeyText(name)), keyFile);
  const publicFile = verifierKeyPath(keyFile);
  await writeFile(publicFile, `${formatVerifierKey(signer.key)}\n`, { mode: 0o644 });
  await chmod(publicFile, 0o644);
  return signer;
}
