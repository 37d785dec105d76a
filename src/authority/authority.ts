import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  canonicalize,
  type Claims,
  IssuanceDenied,
  IssuancePolicies,
  type IssuanceRefusal,
  type PolicySource,
  type RevocationList,
  startCedar,
} from '@firma/core';
import { cedarModule } from '../cedar-module.ts';
import { IssuerKey, type PublicJwk } from './issuer-key.ts';
import { checkRequest, expandActions, type IssueRequest } from './request.ts';
import { Revocations, type RevocationTarget } from './revocations.ts';
import { openToken, signToken } from './token.ts';

export type { PublicJwk } from './issuer-key.ts';
export type { IssueRequest } from './request.ts';
export type { RevocationTarget } from './revocations.ts';
export { inspectToken, type UnverifiedToken } from './token.ts';

export interface AuthorityOptions {
  /** Private directory of the key and the revocations; made where absent. */
  readonly dir: string;
  readonly issuer: string;
  readonly audience: string;
  readonly maxTtlS: number;
  /** Policies that say which agent may be given which class. */
  readonly issuance: readonly PolicySource[];
  /** What is wrong with a scope pattern, or undefined. */
  readonly checkScope: (pattern: string) => string | undefined;
  /** Unix milliseconds. */
  readonly now: () => number;
}

export interface IssuedToken {
  readonly token: string;
  readonly claims: Claims;
}

const ID_BYTES = 16;

function newId(): string {
  return randomBytes(ID_BYTES).toString('base64url');
}

function digest(value: unknown): string {
  return createHash('sha256').update(canonicalize(value)).digest('hex');
}

function denial(agent: string, refusals: readonly IssuanceRefusal[]): IssuanceDenied {
  const byCause = new Map<string, string[]>();
  for (const { action, policies, reason, remedy } of refusals) {
    const ids = policies.map((id) => `\`${id}\``).join(', ');
    const words = [reason, remedy].filter((word) => word !== undefined).join('; ');
    const cause =
      policies.length === 0 ? 'no issuance policy permits it' : `policy ${ids}${words && `: ${words}`}`;
    const actions = byCause.get(cause);
    if (actions === undefined) byCause.set(cause, [`\`${action}\``]);
    else actions.push(`\`${action}\``);
  }
  const parts = [...byCause].map(([cause, actions]) => `${actions.join(', ')} (${cause})`);
  return new IssuanceDenied(`agent \`${agent}\` may not be given ${parts.join(', ')}`);
}

/**
 * Issues capability tokens (semantics §3) and keeps what was revoked. Never on the path of a call.
 *
 * A token never holds more than was asked for: a request that is refused in part is refused whole.
 */
export class Authority {
  readonly #options: AuthorityOptions;
  readonly #key: IssuerKey;
  readonly #policies: IssuancePolicies;
  readonly #policiesDigest: string;
  readonly #revocations: Revocations;

  private constructor(
    options: AuthorityOptions,
    key: IssuerKey,
    policies: IssuancePolicies,
    revocations: Revocations,
  ) {
    this.#options = options;
    this.#key = key;
    this.#policies = policies;
    this.#policiesDigest = digest(policies.canonical);
    this.#revocations = revocations;
  }

  /**
   * @throws PolicyInvalid for issuance policies that do not load, StateUnusable for a key or a list of revocations that
   *   cannot be relied on
   */
  static async open(options: AuthorityOptions): Promise<Authority> {
    startCedar(cedarModule());
    const policies = new IssuancePolicies(options.issuance);
    try {
      const key = await IssuerKey.open(join(options.dir, 'issuer.jwk'));
      const revocations = await Revocations.open(join(options.dir, 'revocations.json'));
      return new Authority(options, key, policies, revocations);
    } catch (error) {
      policies.close();
      throw error;
    }
  }

  /**
   * @throws IssuanceDenied naming the classes and policies refused, or what about the request no token can hold
   */
  async issue(request: IssueRequest): Promise<IssuedToken> {
    const { audience, checkScope, issuer, maxTtlS } = this.#options;
    checkRequest(request, maxTtlS, checkScope);
    await this.#revocations.refresh();
    const { agent, scope, ttlS, budgets = [] } = request;
    const groups = [...new Set(request.groups)];
    const iat = this.#nowS();
    const sid = this.#session(request, iat);

    const actions = expandActions(request.actions);
    const refusals = this.#policies.evaluate({ agent, groups, actions, scope, ttlS });
    if (refusals.length > 0) throw denial(agent, refusals);

    // Sorted, as whoever verifies it keeps them: both are sets.
    const actionSet = actions.map((info) => info.name).sort();
    const resourceScope = scope.toSorted();
    const claims: Claims = {
      iss: issuer,
      aud: audience,
      sub: agent,
      groups,
      sid,
      jti: newId(),
      iat,
      nbf: iat,
      exp: iat + ttlS,
      actionSet,
      resourceScope,
      budgets,
      contextHash: digest({
        agent,
        groups: groups.toSorted(),
        actions: actionSet,
        scope: resourceScope,
        ttl_s: ttlS,
        policies: this.#policiesDigest,
      }),
    };
    return { token: signToken(claims, this.#key), claims };
  }

  /** What tokens are verified with, by `kid`. */
  publicKeys(): ReadonlyMap<string, PublicJwk> {
    return new Map([[this.#key.kid, this.#key.publicJwk]]);
  }

  /** @throws Usage for a target that names nothing, StateUnusable where it cannot be written down */
  async revoke(target: RevocationTarget): Promise<void> {
    await this.#revocations.add(target, this.#nowS(), this.#options.maxTtlS);
  }

  revocations(): RevocationList {
    return this.#revocations.list;
  }

  close(): void {
    this.#policies.close();
  }

  #nowS(): number {
    return Math.floor(this.#options.now() / 1000);
  }

  /** A new session, or the one of the token that is renewed. */
  #session({ agent, renews }: IssueRequest, nowS: number): string {
    if (this.#revocations.has('sub', agent)) throw new IssuanceDenied(`agent \`${agent}\` is revoked`);
    if (renews === undefined) return newId();
    const earlier = openToken(renews, this.#key);
    const { issuer, audience } = this.#options;
    if (earlier === undefined || earlier['iss'] !== issuer || earlier['aud'] !== audience) {
      throw new IssuanceDenied('the token to renew was not issued here; ask for a new session instead');
    }
    const { sub, sid, jti, exp } = earlier;
    if (sub !== agent) throw new IssuanceDenied("the token to renew is another agent's");
    if (typeof sid !== 'string' || typeof jti !== 'string' || typeof exp !== 'number' || exp <= nowS) {
      throw new IssuanceDenied('the token to renew has expired; ask for a new session instead');
    }
    if (this.#revocations.has('sid', sid) || this.#revocations.has('jti', jti)) {
      throw new IssuanceDenied('the token to renew is revoked; ask for a new session instead');
    }
    return sid;
  }
}
