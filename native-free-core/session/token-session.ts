import { CELL, FLAG, SESSION } from './account-layout.ts';
import type { BudgetLimit, BudgetRule } from './budget.ts';
import { tokenPlan } from './rule-plan.ts';
import type { RulePlan } from './rule-plan.ts';
import type { State } from './state.ts';
import { tighten, tokenLimitWord } from './token-rules.ts';

/** Gives a session its token rules, all of them. Home only, in a turn of the session. */
export function giveTokens(
  state: State,
  slot: number,
  plans: readonly RulePlan[],
  seen: WeakSet<readonly BudgetLimit[]>,
): void {
  const { cells, words } = state.memory;
  const cell = state.pools[SESSION].word(slot) * 2;
  for (const { at, limit, windowMs } of plans) words[at + tokenLimitWord(windowMs)] = limit;
  const version = (cells[cell + CELL.tokenVersion] ?? 0) + 1;
  cells[cell + CELL.tokenVersion] = version;
  cells[cell + CELL.flags] = (cells[cell + CELL.flags] ?? 0) | FLAG.hasTokenRules;
  state.tokens.set(slot, { plans, seen, version });
}

/**
 * Adds the rules of another token to a session's; those that are there already change nothing. Home only, in a turn of the
 * session.
 *
 * @param rules `limits`, compiled
 * @returns false where they are too many; nothing is added then
 */
export function addTokenRules(
  state: State,
  slot: number,
  limits: readonly BudgetLimit[],
  rules: readonly BudgetRule[],
): boolean {
  const known = state.tokens.get(slot);
  const before = known?.plans ?? [];
  const tightened = tighten(
    before.map(({ rule }) => rule),
    rules,
  );
  if (tightened === undefined) return false;
  if (known !== undefined && tightened.length === before.length) {
    const isSame = tightened.every((rule, index) => before[index]?.rule === rule);
    if (isSame) {
      known.seen.add(limits);
      return true;
    }
  }
  const plans: RulePlan[] = [];
  for (const [index, rule] of tightened.entries()) {
    const plan = before[index];
    if (plan !== undefined) plans.push(plan.rule === rule ? plan : tokenPlan(rule, plan.at));
    else {
      const at = (rule.windowMs === undefined ? state.tokenCounters : state.tokenWindows).take();
      if (at === 0) {
        for (const { at: taken, windowMs } of plans.slice(before.length)) {
          (windowMs === 0 ? state.tokenCounters : state.tokenWindows).giveBack(taken);
        }
        return false;
      }
      plans.push(tokenPlan(rule, at));
    }
  }
  const seen = known?.seen ?? new WeakSet();
  seen.add(limits);
  giveTokens(state, slot, plans, seen);
  // After a restart only the store knows the limits of a token that is not presented again.
  state.touch(SESSION, slot);
  state.need(SESSION, slot);
  return true;
}
