import type { BodyNeed, CanonicalTarget, RawRequest, Refusal } from '../normalizer/envelope.ts';
import type { Matched } from '../normalizer/normalizer.ts';
import { defaultPort, writtenHost } from '../normalizer/target.ts';
import type { InForce } from './in-force.ts';

/** A request that is canonicalised and matched, not yet decided. */
export interface Prepared {
  readonly raw: RawRequest;
  /** What it was matched with, and is decided with. */
  readonly inForce: InForce;
  /** Undefined where matching failed: the decision is INTERNAL then. */
  readonly matched: Matched | Refusal | undefined;
  /** What has to be read of the body before deciding. */
  readonly bodyNeed: BodyNeed;
  /** On the `performance.now()` scale. */
  readonly startedAt: number;
  /** When matching ended; 0 where nothing is waited for, and deciding follows at once. */
  readonly matchedAt: number;
}

function sameHostPort(hostPort: string, target: CanonicalTarget): boolean {
  const host = writtenHost(target.host);
  const given = hostPort.toLowerCase();
  if (given === `${host}:${target.port}`) return true;
  return given === host && target.port === defaultPort(target.scheme);
}

/**
 * Whether a request target is already in canonical form, host case and a default port apart.
 *
 * An entrance that does not dispatch must not classify one request and let another through.
 */
export function isCanonical(raw: RawRequest, target: CanonicalTarget): boolean {
  return raw.target === target.path + target.query && sameHostPort(raw.hostPort, target);
}

/** How long a request was prepared for that is decided from `decideAt` on. */
export function preparedMs({ matchedAt, startedAt }: Prepared, decideAt: number): number {
  return (matchedAt === 0 ? decideAt : matchedAt) - startedAt;
}
