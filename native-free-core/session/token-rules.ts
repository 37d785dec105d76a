import type { BudgetLimit, BudgetRule } from './budget.ts';
import type { RulePlan } from './rule-plan.ts';

/** Rules that the tokens of a session may bring. */
export const MAX_TOKEN_RULES = 64;
/** Of them those with a window. */
export const MAX_TOKEN_WINDOWS = 16;

/** The rules that tokens of one session brought. Replaced as a whole; `seen` moves on to the next. */
export interface TokenRules {
  readonly plans: readonly RulePlan[];
  /** Lists of verified tokens that are in `plans` already. */
  readonly seen: WeakSet<readonly BudgetLimit[]>;
}

function isSameBudget(left: BudgetRule, right: BudgetRule): boolean {
  return (
    left.name === right.name &&
    left.kind === right.kind &&
    left.currency === right.currency &&
    left.windowMs === right.windowMs &&
    left.host?.text === right.host?.text
  );
}

function tighter(left: BudgetRule, right: BudgetRule): BudgetRule {
  const match = new Uint8Array(left.match);
  for (let index = 0; index < match.length; index++) {
    if (right.match[index] === 1) match[index] = 1;
  }
  // A call is free only where both say which header makes it so.
  const idempotencyHeader =
    left.idempotencyHeader === right.idempotencyHeader ? left.idempotencyHeader : undefined;
  return { ...(left.limit <= right.limit ? left : right), match, idempotencyHeader };
}

/**
 * A session's token rules with those of another token. One of a name there already keeps the smaller limit and matches
 * what either matched; one that counts something else (kind, currency, window, host) holds beside it.
 *
 * @returns the known rules first and in their order; undefined where they are more than 64, or more than 16 have a
 *   window
 */
export function tighten(
  known: readonly BudgetRule[],
  more: readonly BudgetRule[],
): readonly BudgetRule[] | undefined {
  const rules = [...known];
  for (const rule of more) {
    const at = rules.findIndex((other) => isSameBudget(other, rule));
    const other = rules[at];
    if (other === undefined) rules.push(rule);
    else rules[at] = tighter(other, rule);
  }
  const windows = rules.filter(({ windowMs }) => windowMs !== undefined).length;
  return rules.length > MAX_TOKEN_RULES || windows > MAX_TOKEN_WINDOWS ? undefined : rules;
}
