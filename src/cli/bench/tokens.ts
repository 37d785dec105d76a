import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACTION_CLASSES, type Claims, compileScope, TokenVerifier, type VerifierOptions } from '@firma/core';
import { IssuerKey } from '../../authority/issuer-key.ts';
import { ISSUER } from '../../authority/open.ts';
import { signToken } from '../../authority/token.ts';
import { sha256Hex } from '../../sha256.ts';
import type { Principal } from './principals.ts';

const AUDIENCE = 'firma-bench';
const TTL_S = 3600;
const ACTION_NAMES = ACTION_CLASSES.map(({ name }) => name).sort();

/** Signs the tokens of one bench, with a key that nothing else trusts and that is gone with the process. */
export class BenchIssuer {
  readonly #key: IssuerKey;

  private constructor(key: IssuerKey) {
    this.#key = key;
  }

  static async open(): Promise<BenchIssuer> {
    const dir = await mkdtemp(join(tmpdir(), 'firma-bench-'));
    try {
      return new BenchIssuer(await IssuerKey.open(join(dir, 'issuer.jwk')));
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }

  /** A token for every class and resource: what refuses a call is a policy or a budget. */
  issue({ agent, groups }: Principal, nowMs: number): string {
    const iat = Math.floor(nowMs / 1000);
    const claims: Claims = {
      iss: ISSUER,
      aud: AUDIENCE,
      sub: agent,
      groups,
      sid: randomBytes(16).toString('base64url'),
      jti: randomBytes(16).toString('base64url'),
      iat,
      nbf: iat,
      exp: iat + TTL_S,
      actionSet: ACTION_NAMES,
      resourceScope: ['*'],
      budgets: [],
      contextHash: sha256Hex(AUDIENCE),
    };
    return signToken(claims, this.#key);
  }

  /** A verifier that has seen none of these tokens. */
  verifier(skewS: number, scope: VerifierOptions['compileScope'] = compileScope): Promise<TokenVerifier> {
    return TokenVerifier.create({
      issuer: ISSUER,
      audience: AUDIENCE,
      skewS,
      maxTtlS: TTL_S,
      keys: new Map([[this.#key.kid, this.#key.publicJwk]]),
      sha256Hex,
      compileScope: scope,
    });
  }
}
