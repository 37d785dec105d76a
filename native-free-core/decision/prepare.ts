import type { BodyNeed, CanonicalTarget, RawRequest, Refusal } from '../normalizer/envelope.ts';
import type { Matched } from '../normalizer/normalizer.ts';
import { defaultPort, writtenHost } from '../normalizer/target.ts';

/** A request that is canonicalised and matched, not yet decided. */
export interface Prepared {
  readonly raw: RawRequest;
  /** Undefined where matching failed: the decision is INTERNAL then. */
  readonly matched: Matched | Refusal | undefined;
  /** What has to be read of the body before deciding. */
  readonly bodyNeed: BodyNeed;
  /** Milliseconds spent so far. */
  readonly spentMs: number;
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
