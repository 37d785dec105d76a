import type { CredentialConfig } from '../config/config.ts';
import { MAX_SECRET_BYTES, type Secret } from './secret-file.ts';

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7e) return false;
  return true;
}

/**
 * Builds the value of the injected header: `Bearer <secret>` (RFC 6750), `Basic base64(user:secret)` (RFC 7617) or
 * the secret as it is.
 *
 * @returns a problem where the secret is empty, too long, or no header could carry it
 */
export function headerValue(scheme: CredentialConfig['scheme'], user: string, secret: string): Secret {
  if (secret === '') return { ok: false, problem: 'the secret is empty' };
  if (Buffer.byteLength(secret) > MAX_SECRET_BYTES) {
    return { ok: false, problem: `the secret is longer than ${MAX_SECRET_BYTES} bytes` };
  }
  if (hasControlCharacter(secret)) return { ok: false, problem: 'the secret holds a control character' };
  if (scheme === 'basic') {
    return { ok: true, secret: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` };
  }
  if (!isAscii(secret)) return { ok: false, problem: 'the secret holds a character that is not ASCII' };
  return { ok: true, secret: scheme === 'bearer' ? `Bearer ${secret}` : secret };
}
