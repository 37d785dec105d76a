import type { ScopedResource } from '../registry/scope.ts';
import type { Capability, Claims } from './claims.ts';
import type { RevocationSet } from './revocation.ts';

/** What a capability's standing depends on besides its claims. */
export interface Standing {
  readonly nowS: number;
  readonly skewS: number;
  /** The session was aborted. */
  readonly aborted: boolean;
  readonly revocations: RevocationSet;
}

/**
 * Whether it is a token's time (RFC 7519 §4.1.4 and §4.1.5: from `nbf` on, before `exp`), with `skewS` of leeway at both ends.
 * A clock that is no number is no token's time.
 */
export function timeReason(
  claims: Claims,
  nowS: number,
  skewS: number,
): 'TOKEN_NOT_YET_VALID' | 'TOKEN_EXPIRED' | undefined {
  if (!(nowS + skewS >= claims.nbf)) return 'TOKEN_NOT_YET_VALID';
  if (!(nowS - skewS < claims.exp)) return 'TOKEN_EXPIRED';
  return undefined;
}

/** Asked on every call, whether its token came from the cache or not. The first failure answers (semantics §3). */
export function checkStanding(
  capability: Capability,
  standing: Standing,
): 'TOKEN_NOT_YET_VALID' | 'TOKEN_EXPIRED' | 'SESSION_ABORTED' | 'TOKEN_REVOKED' | undefined {
  const reason = timeReason(capability.claims, standing.nowS, standing.skewS);
  if (reason !== undefined) return reason;
  if (standing.aborted) return 'SESSION_ABORTED';
  if (standing.revocations.isRevoked(capability.claims)) return 'TOKEN_REVOKED';
  return undefined;
}

/**
 * Whether a capability covers one reading of a call. Ask it for every reading.
 *
 * @param classIndex `ActionClassInfo.index`
 */
export function checkGrant(
  capability: Capability,
  classIndex: number,
  resource: ScopedResource,
): 'ACTION_NOT_GRANTED' | 'RESOURCE_OUT_OF_SCOPE' | undefined {
  if (capability.actions[classIndex] !== 1) return 'ACTION_NOT_GRANTED';
  return capability.scope.matches(resource) ? undefined : 'RESOURCE_OUT_OF_SCOPE';
}
