import { LogInvalid } from '../errors.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { HashFunction } from './merkle.ts';

// C2SP signed-note: text, an empty line, one line for each signature. Ed25519 only (algorithm byte 0x01).

const ED25519 = 0x01;
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const KEY_HASH_BYTES = 4;
const MAX_NAME_CHARS = 256;
const MAX_KEY_CHARS = 512;
const MAX_SIGNATURES = 16;

/** Longest note that is read, in UTF-16 units. */
export const MAX_NOTE_CHARS = 8 * 1024;

/** Starts every signature line: an em dash and a space. */
export const SIGNATURE_MARK = '\u2014 ';

export interface VerifierKey {
  readonly name: string;
  /** Eight hex digits: SHA-256(name ‖ newline ‖ 0x01 ‖ key), cut to four bytes. */
  readonly hash: string;
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array;
}

export interface NoteSigner {
  readonly key: VerifierKey;
  /** Ed25519 over the bytes: 64 bytes. */
  readonly sign: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;
}

/** Checks an Ed25519 signature. Injected; must not throw for a bad one. */
export type VerifySignature = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean | Promise<boolean>;

export type OpenedNote =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly detail: string };

const encoder = new TextEncoder();

function isKeyName(name: string): boolean {
  return name.length > 0 && name.length <= MAX_NAME_CHARS && !/[\s+\p{Cc}]/u.test(name);
}

function typedKey(publicKey: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + publicKey.length);
  bytes[0] = ED25519;
  bytes.set(publicKey, 1);
  return bytes;
}

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/**
 * Names a public key for signing.
 *
 * @param publicKey 32 bytes, Ed25519
 * @throws LogInvalid where the name is empty, too long, or holds white space or `+`
 */
export function makeVerifierKey(name: string, publicKey: Uint8Array, sha256: HashFunction): VerifierKey {
  if (!isKeyName(name)) {
    throw new LogInvalid(`\`${name}\` is no key name: 1 to ${MAX_NAME_CHARS} characters, no space, no \`+\``);
  }
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new LogInvalid('an Ed25519 key has 32 bytes');
  const head = encoder.encode(`${name}\n`);
  const typed = typedKey(publicKey);
  const input = new Uint8Array(head.length + typed.length);
  input.set(head);
  input.set(typed, head.length);
  return { name, hash: hex(sha256(input).subarray(0, KEY_HASH_BYTES)), publicKey };
}

/** `<name>+<hash>+<base64(0x01 ‖ key)>`, the text form others verify with. */
export function formatVerifierKey(key: VerifierKey): string {
  return `${key.name}+${key.hash}+${encodeBase64(typedKey(key.publicKey))}`;
}

/** @throws LogInvalid where the text is no verifier key, of another algorithm, or its hash is not the key's */
export function parseVerifierKey(text: string, sha256: HashFunction): VerifierKey {
  const parts = text.length > MAX_KEY_CHARS ? [] : text.split('+');
  const [name, hash] = parts;
  // The key's own base64 may hold plus signs.
  const typed = decodeBase64(parts.slice(2).join('+'));
  if (name === undefined || hash === undefined || typed === undefined) {
    throw new LogInvalid('no verifier key; expected `<name>+<hash>+<base64 key>` on one line');
  }
  if (typed[0] !== ED25519 || typed.length !== 1 + PUBLIC_KEY_BYTES) {
    throw new LogInvalid(`the verifier key of \`${name}\` is no Ed25519 key`);
  }
  const key = makeVerifierKey(name, typed.slice(1), sha256);
  if (key.hash !== hash) throw new LogInvalid(`the verifier key of \`${name}\` does not match its own hash`);
  return key;
}

/** Signs a text that ends in a newline. @returns the whole note */
export async function signNote(text: string, signer: NoteSigner): Promise<string> {
  const signature = await signer.sign(encoder.encode(text));
  const blob = new Uint8Array(KEY_HASH_BYTES + signature.length);
  for (let i = 0; i < KEY_HASH_BYTES; i++)
    blob[i] = Number.parseInt(signer.key.hash.slice(2 * i, 2 * i + 2), 16);
  blob.set(signature, KEY_HASH_BYTES);
  return `${text}\n${SIGNATURE_MARK}${signer.key.name} ${encodeBase64(blob)}\n`;
}

function signatureOf(line: string, key: VerifierKey): Uint8Array | 'other' | undefined {
  if (!line.startsWith(SIGNATURE_MARK)) return undefined;
  const [name, blobText, more] = line.slice(SIGNATURE_MARK.length).split(' ');
  const blob = decodeBase64(blobText ?? '');
  if (name === undefined || more !== undefined || blob === undefined || blob.length <= KEY_HASH_BYTES) {
    return undefined;
  }
  const isOurs = name === key.name && hex(blob.subarray(0, KEY_HASH_BYTES)) === key.hash;
  return isOurs ? blob.subarray(KEY_HASH_BYTES) : 'other';
}

/**
 * Checks a note and answers the text it signs, final newline included.
 *
 * Signatures of other keys are passed over; one of ours must be there, and every one of ours must be good.
 */
export async function openNote(note: string, key: VerifierKey, verify: VerifySignature): Promise<OpenedNote> {
  if (note.length > MAX_NOTE_CHARS) return { ok: false, detail: 'the note is too long' };
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) return { ok: false, detail: 'no signed note' };
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return { ok: false, detail: 'too many signatures' };
  const message = encoder.encode(text);
  let found = false;
  for (const line of lines) {
    const signature = signatureOf(line, key);
    if (signature === undefined) return { ok: false, detail: 'a signature line cannot be read' };
    if (signature === 'other') continue;
    const good = signature.length === SIGNATURE_BYTES && (await verify(key.publicKey, message, signature));
    if (!good) return { ok: false, detail: `the signature of \`${key.name}\` is wrong` };
    found = true;
  }
  return found
    ? { ok: true, text }
    : { ok: false, detail: `it is not signed by \`${key.name}+${key.hash}\`` };
}
