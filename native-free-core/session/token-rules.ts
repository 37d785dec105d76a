import { COUNTER_WORDS } from './account-layout.ts';
import type { BudgetLimit, BudgetRule } from './budget.ts';
import type { RulePlan } from './rule-plan.ts';
import { WINDOW_WORDS } from './window.ts';

/** Rules that the tokens of a session may bring. */
export const MAX_TOKEN_RULES = 64;
/** Of them those with a window. */
export const MAX_TOKEN_WINDOWS = 16;

/** The rules that tokens of one session brought. Replaced as a whole; `seen` moves on to the next. */
export interface TokenRules {
  readonly plans: readonly RulePlan[];
  /** The slot's when they were these. */
  readonly version: number;
  /** Lists of verified tokens that are in `plans` already. */
  readonly seen: WeakSet<readonly BudgetLimit[]>;
}

/** Word, from a counter's first, of the limit of a token's rule. */
export function tokenLimitWord(windowMs: number): number {
  return windowMs === 0 ? COUNTER_WORDS : WINDOW_WORDS;
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

/** @returns `left` itself where the other one changes nothing */
function tighter(left: BudgetRule, right: BudgetRule): BudgetRule {
  const isNarrower =
    left.limit <= right.limit &&
    (left.idempotencyHeader === undefined || left.idempotencyHeader === right.idempotencyHeader) &&
    right.match.every((counted, index) => counted === 0 || left.match[index] === 1);
  if (isNarrower) return left;
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
