import { type Claims, IssuanceDenied, MAX_TOKEN_BYTES, Usage, writeBudgetMembers } from '@firma/core';
import type { IssuerKey } from './issuer-key.ts';

type Members = Readonly<Record<string, unknown>>;

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function headerOf(key: IssuerKey): string {
  return encode({ alg: 'EdDSA', typ: 'firma-cap+jwt', kid: key.kid });
}

/**
 * A capability token: a compact JWS (RFC 7515) of a JWT with the claims of semantics §3.
 *
 * @throws IssuanceDenied where it would be longer than 8 KiB
 */
export function signToken(claims: Claims, key: IssuerKey): string {
  const payload = {
    iss: claims.iss,
    aud: claims.aud,
    sub: claims.sub,
    groups: claims.groups,
    sid: claims.sid,
    jti: claims.jti,
    iat: claims.iat,
    nbf: claims.nbf,
    exp: claims.exp,
    action_set: claims.actionSet,
    resource_scope: claims.resourceScope,
    budgets: claims.budgets.map(writeBudgetMembers),
    context_hash: claims.contextHash,
  };
  const signed = `${headerOf(key)}.${encode(payload)}`;
  const token = `${signed}.${key.sign(Buffer.from(signed)).toString('base64url')}`;
  if (token.length > MAX_TOKEN_BYTES) {
    throw new IssuanceDenied(
      `the token would be ${token.length} bytes long, above ${MAX_TOKEN_BYTES}; ask for fewer groups, scope patterns or budgets`,
    );
  }
  return token;
}

/** The claims of a token that this key signed, or undefined. Times and meaning are not looked at. */
export function openToken(token: string, key: IssuerKey): Members | undefined {
  if (token.length > MAX_TOKEN_BYTES) return undefined;
  const [header, payload, signature, ...rest] = token.split('.', 4);
  if (header !== headerOf(key) || payload === undefined || signature === undefined || rest.length > 0) {
    return undefined;
  }
  const signed = Buffer.from(`${header}.${payload}`);
  return key.verify(signed, Buffer.from(signature, 'base64url')) ? decode(payload) : undefined;
}

/** What a token says of itself. Nothing in it is verified. */
export interface UnverifiedToken {
  readonly header: Members;
  readonly claims: Members;
}

/**
 * Reads a token without trusting it, for a person to look at.
 *
 * @throws Usage where the text is no compact JWS with a JSON header and payload
 */
export function inspectToken(token: string): UnverifiedToken {
  const [header, payload, signature, ...rest] = token.length > MAX_TOKEN_BYTES ? [] : token.split('.', 4);
  const decoded = { header: decode(header ?? ''), claims: decode(payload ?? '') };
  if (
    decoded.header === undefined ||
    decoded.claims === undefined ||
    signature === undefined ||
    rest.length > 0
  ) {
    throw new Usage(
      'this is no capability token; one is three base64url parts with dots between, at most 8 KiB',
    );
  }
  return { header: decoded.header, claims: decoded.claims };
}
