// The parts of a decision that need no session: a call follows them, and so does a case that `firma policy test` runs.

import type { CanonicalTarget, Params, Refusal } from '../normalizer/envelope.ts';
import type { PolicyVerdict } from '../policy/port.ts';
import type { Outcome } from './decision.ts';

/** What a call is answered that its policies judged. */
export interface PolicyAnswer {
  readonly outcome: Outcome;
  readonly reason: 'OK' | 'POLICY_ABORT' | 'POLICY_ERROR' | 'POLICY_NO_PERMIT' | 'POLICY_FORBID';
  readonly detail: string;
  /** The determining policies, sorted; those that errored where that is the reason. */
  readonly policies: readonly string[];
  readonly remedy: string | undefined;
}

/** What the agent is told where `amountsDiffer`. */
export const AMOUNTS_DIFFER = 'the call can be read in several ways, which differ in amount or currency';

/** An upstream may act on any reading, and only one is charged: then no fact is exact (invariant 11). */
export function amountsDiffer(readings: readonly { readonly params: Params }[]): boolean {
  const charged = readings[0]?.params;
  for (const { params } of readings) {
    if (params['amount'] !== charged?.['amount'] || params['currency'] !== charged?.['currency']) return true;
  }
  return false;
}

/**
 * Of a call that no rule matches at all, where such calls may pass (semantics §2), the target it goes to.
 *
 * @returns undefined for every other refusal, which denies
 */
export function passedTarget(
  { refused, inPart, target }: Refusal,
  defaultProtected: boolean,
): CanonicalTarget | undefined {
  const isUnknown = refused === 'UNCLASSIFIED_ACTION' && inPart !== true;
  return isUnknown && !defaultProtected ? target : undefined;
}

function byPolicies(what: string, ids: readonly string[]): string {
  return `${what} policy ${ids.map((id) => `\`${id}\``).join(', ')}`;
}

/** Ranks what the policies said: an ended session before an error, an error before a permit (semantics §4). */
export function policyAnswer(verdict: PolicyVerdict): PolicyAnswer {
  const { abort, allowed, determining: policies, errored, remedy } = verdict;
  if (abort) {
    const detail = verdict.reason ?? byPolicies('ended by', policies);
    return { outcome: 'ABORT', reason: 'POLICY_ABORT', detail, policies, remedy };
  }
  if (errored.length > 0) {
    const detail = byPolicies('could not evaluate', errored);
    return { outcome: 'DENY', reason: 'POLICY_ERROR', detail, policies: errored, remedy: undefined };
  }
  if (allowed) {
    return { outcome: 'ALLOW', reason: 'OK', detail: 'permitted', policies, remedy: undefined };
  }
  if (policies.length === 0) {
    const detail = 'no policy permits this call';
    return { outcome: 'DENY', reason: 'POLICY_NO_PERMIT', detail, policies, remedy: undefined };
  }
  const detail = verdict.reason ?? byPolicies('forbidden by', policies);
  return { outcome: 'DENY', reason: 'POLICY_FORBID', detail, policies, remedy };
}
