import type { PolicyVerdict } from './port.ts';

/** In `errored`, in place of a policy's id: the context holds what Cedar cannot be asked about exactly. */
export const CONTEXT_ERROR = '<context>';
/** In `errored`, in place of a policy's id: the engine itself failed, or is closed. */
export const ENGINE_ERROR = '<engine>';

export const NO_IDS: readonly string[] = Object.freeze([]);

/** What a policy has to say to an agent. */
interface Spoken {
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
}

/** What a verdict needs to know of a policy that determines it. */
interface Determining extends Spoken {
  readonly id: string;
  readonly abort: boolean;
}

/** A denial that no policy determines. */
export function denied(errored: readonly string[]): PolicyVerdict {
  return Object.freeze({
    allowed: false,
    determining: NO_IDS,
    errored: Object.freeze(errored),
    abort: false,
    reason: undefined,
    remedy: undefined,
  });
}

export const NO_PERMIT = denied(NO_IDS);
export const CONTEXT_ERRORED = denied([CONTEXT_ERROR]);
export const ENGINE_ERRORED = denied([ENGINE_ERROR]);

/** The first policy that says why or what to do: its words are the answer's. */
export function speakerOf<P extends Spoken>(policies: readonly P[]): P | undefined {
  for (const policy of policies) {
    if (policy.reason !== undefined || policy.remedy !== undefined) return policy;
  }
  return undefined;
}

/**
 * The verdict of the permits that allow, or the forbids that deny.
 *
 * @param policies sorted by id, at least one
 */
export function determinedBy(
  allowed: boolean,
  policies: readonly Determining[],
  errored: readonly string[],
): PolicyVerdict {
  const speaker = speakerOf(policies);
  return {
    allowed,
    determining: policies.map(({ id }) => id),
    errored,
    abort: policies.some(({ abort }) => abort),
    reason: speaker?.reason,
    remedy: speaker?.remedy,
  };
}
