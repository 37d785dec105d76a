// Why a call gets no reservation.

import { COMMITTED, HELD } from './account-layout.ts';
import type { Charge, Exceeded } from './budget.ts';
import type { RulePlan } from './rule-plan.ts';
import { freedAtMs } from './window.ts';

/** A call that the session is too large for: no budget of it is meant. */
export function sessionLimit(name: string): Exceeded {
  return Object.freeze({
    reason: 'SESSION_LIMIT',
    name,
    abort: false,
    remaining: undefined,
    retryAfterS: undefined,
  });
}

/** Only a handle of another table, or of a session that left memory, gets here; the decision's catch-all denies. */
export function stale(): RangeError {
  return new RangeError('the handle is not of a session in this table');
}

/** Whether a rule counts a call. */
export function counts({ rule }: RulePlan, { classIndex, otherClasses }: Charge): boolean {
  if (rule.match[classIndex] === 1) return true;
  for (const other of otherClasses) if (rule.match[other] === 1) return true;
  return false;
}

/**
 * What a call is told that a rule has no room for.
 *
 * @param at the rule's counter, taken to the present
 * @param use -1 where waiting does not help
 */
export function exceeded(
  words: Float64Array,
  plan: RulePlan,
  at: number,
  use: number,
  abort: boolean,
  nowMs: number,
): Exceeded {
  const room = plan.limit - (words[at + COMMITTED] ?? 0);
  let retryAfterS: number | undefined;
  if (!abort && use !== -1 && use <= plan.limit) {
    if (use <= room) retryAfterS = 1;
    else if (plan.windowMs !== 0) {
      const freeMs = freedAtMs(words, at, plan.windowMs, use - room);
      if (freeMs !== undefined) retryAfterS = Math.max(1, Math.ceil((freeMs - nowMs) / 1000));
    }
  }
  const remaining = Math.max(0, room - (words[at + HELD] ?? 0));
  return { reason: 'BUDGET_EXCEEDED', name: plan.name, abort, remaining, retryAfterS };
}
