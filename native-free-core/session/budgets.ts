import { ConfigInvalid } from '../errors.ts';
import type { SourceLocation } from '../errors.ts';
import { classSet, expandActionWord } from '../registry/classes.ts';
import type { ActionClassInfo, ClassSet } from '../registry/classes.ts';
import type { BudgetInput, BudgetLimit, BudgetRule } from './budget.ts';

const MAX_RULES = 64;
const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
const CURRENCY = /^[a-z]{3}$/;

function compileMatch(limit: BudgetLimit, at: SourceLocation | undefined): ClassSet {
  const classes: ActionClassInfo[] = [];
  for (const word of limit.match) {
    const named = expandActionWord(word);
    if (named === undefined) {
      const what = `budget \`${limit.name}\` matches \`${word}\`, which is no action class and no category`;
      throw new ConfigInvalid(`${what}; \`firma classes\` lists them`, at);
    }
    classes.push(...named);
  }
  if (classes.length === 0) {
    throw new ConfigInvalid(
      `budget \`${limit.name}\` matches nothing; name classes or categories in \`match\``,
      at,
    );
  }
  return classSet(classes);
}

function checkLimit(budget: string, key: string, value: number, at: SourceLocation | undefined): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new ConfigInvalid(`\`${key}\` of budget \`${budget}\` is not an integer from 0 to 2^53-1`, at);
}

function compileRule(
  name: string,
  limit: BudgetLimit,
  onExceed: BudgetRule['onExceed'],
  at: SourceLocation | undefined,
): BudgetRule {
  const { maxCalls, maxAmount, currency } = limit;
  const match = compileMatch(limit, at);
  if ((maxCalls === undefined) === (maxAmount === undefined)) {
    throw new ConfigInvalid(`budget \`${limit.name}\` needs one of \`max_calls\` and \`max_amount\``, at);
  }
  if (maxAmount === undefined) {
    if (currency !== undefined) {
      throw new ConfigInvalid(`budget \`${limit.name}\` has a \`currency\` but no \`max_amount\``, at);
    }
    const calls = checkLimit(limit.name, 'max_calls', maxCalls ?? -1, at);
    return Object.freeze({ name, match, maxCalls: calls, maxAmount, currency, onExceed });
  }
  const code = currency?.toLowerCase();
  if (code === undefined || !CURRENCY.test(code)) {
    throw new ConfigInvalid(`budget \`${limit.name}\` needs a \`currency\` of three letters`, at);
  }
  const amount = checkLimit(limit.name, 'max_amount', maxAmount, at);
  return Object.freeze({ name, match, maxCalls, maxAmount: amount, currency: code, onExceed });
}

/**
 * Checks and compiles the `[[sidecar.budgets]]` of a configuration, in their order.
 *
 * @param where the file the rules stand in
 * @throws ConfigInvalid for an unknown class, a limit that is no count, two rules of one name, a name outside
 *   `[a-z][a-z0-9_-]{0,31}`, both limits or neither, an amount without a currency or a currency without an amount
 */
export function compileBudgets(rules: readonly BudgetInput[], where?: SourceLocation): readonly BudgetRule[] {
  if (rules.length > MAX_RULES) {
    throw new ConfigInvalid(`${rules.length} budgets; at most ${MAX_RULES} are counted, merge some`, where);
  }
  const names = new Set<string>();
  return Object.freeze(
    rules.map((rule) => {
      if (!NAME.test(rule.name)) {
        const form = 'a letter, then up to 31 of `a-z 0-9 _ -`';
        throw new ConfigInvalid(
          `\`${rule.name}\` is not a name for a budget; use ${form}, in lower case`,
          where,
        );
      }
      if (names.has(rule.name)) {
        throw new ConfigInvalid(`two budgets are named \`${rule.name}\`; rename one`, where);
      }
      names.add(rule.name);
      return compileRule(rule.name, rule, rule.onExceed, where);
    }),
  );
}

/** The budgets a verified token carries, as rules named `token/<name>`; exceeding one denies the call. */
export function compileTokenBudgets(budgets: readonly BudgetLimit[]): readonly BudgetRule[] {
  return budgets.map((budget) => compileRule(`token/${budget.name}`, budget, 'deny', undefined));
}
