import { decode } from 'jose/base64url';
import type { Invalid } from './claims.ts';

export const MAX_TOKEN_BYTES = 8192;

/** The `sid` that a token's payload states, in the one of its two forms it is in. */
export const SESSION_ID = /^(?:[A-Za-z0-9_-]{21}[AQgw]|[0-9a-f]{32})$/;

// Three parts; the last is 64 bytes in their one encoding (only the two high bits of its last character count),
// so one signed token has one text. ASCII only, hence as many bytes as characters.
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{85}[AQgw]$/;

/** Bytes of base64url as a JSON object, or undefined. Duplicate keys: the last one counts, as in any JSON parse. */
export function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
    );
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return { ...value };
  } catch {
    return undefined;
  }
}

function decodePart(part: string): Uint8Array | undefined {
  try {
    return decode(part);
  } catch {
    return undefined;
  }
}

/**
 * Reads the header of a compact JWS (RFC 7515 §7.1) and accepts exactly one kind: `alg` `EdDSA`, `typ`
 * `firma-cap+jwt`, a `kid`, and no other member. `crit`, `b64`, `jwk`, `jku`, `x5c` and what may come
 * are refused by not being one of the three.
 *
 * Nothing here is authenticated yet; the signature covers the header as text.
 */
export function readCompact(token: string): { readonly kid: string } | Invalid {
  if (!COMPACT.test(token)) return { invalid: 'the token is not a compact JWS with an Ed25519 signature' };
  const bytes = decodePart(token.slice(0, token.indexOf('.')));
  const header = bytes === undefined ? undefined : parseObject(bytes);
  if (header === undefined) return { invalid: 'the header of the token is not a JSON object' };
  for (const name of Object.keys(header)) {
    if (name !== 'alg' && name !== 'typ' && name !== 'kid') {
      return { invalid: 'the header of the token has a member beside `alg`, `typ` and `kid`' };
    }
  }
  if (header['alg'] !== 'EdDSA') return { invalid: 'the `alg` of the token is not `EdDSA`' };
  if (header['typ'] !== 'firma-cap+jwt') return { invalid: 'the `typ` of the token is not `firma-cap+jwt`' };
  const kid = header['kid'];
  if (typeof kid !== 'string') return { invalid: 'the token names no `kid`' };
  return { kid };
}

/**
 * The session that a token says it is of, before anybody knows whether that is so: good for nothing but counting.
 *
 * @returns undefined where the payload names none that could be one
 */
export function claimedSession(token: string): string | undefined {
  const start = token.indexOf('.') + 1;
  const bytes = decodePart(token.slice(start, token.indexOf('.', start)));
  const sid = bytes === undefined ? undefined : parseObject(bytes)?.['sid'];
  return typeof sid === 'string' && SESSION_ID.test(sid) ? sid : undefined;
}
