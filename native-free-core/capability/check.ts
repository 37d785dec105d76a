import type { ScopedResource } from '../registry/scope.ts';
import type { Capability, Claims } from './claims.ts';
import type { RevocationSet } from './revocation.ts';

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

/**
 * Asked on every call, whether its token came from the cache or not. The first failure answers (semantics §3).
 *
 * @param aborted the session was
 */
export function checkStanding(
  capability: Capability,
  nowS: number,
  skewS: number,
  aborted: boolean,
  revocations: RevocationSet,
): 'TOKEN_NOT_YET_VALID' | 'TOKEN_EXPIRED' | 'SESSION_ABORTED' | 'TOKEN_REVOKED' | undefined {
  const reason = timeReason(capability.claims, nowS, skewS);
  if (reason !== undefined) return reason;
  if (aborted) return 'SESSION_ABORTED';
  if (revocations.isRevoked(capability.claims)) return 'TOKEN_REVOKED';
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
