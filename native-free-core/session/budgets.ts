import { ConfigInvalid, type SourceLocation } from '../errors.ts';
import { budgetProblem } from '../registry/budget-limit.ts';
import { parseIdempotencyHeader, parseWindowMs } from '../registry/budget-words.ts';
import { classSet, expandActionWord } from '../registry/classes.ts';
import { compileHostMatch } from '../registry/host-match.ts';
import type { BudgetInput, BudgetKind, BudgetLimit, BudgetRule } from './budget.ts';

const MAX_RULES = 64;
const MAX_AGENT_CHARS = 256;

function kindOf({ maxCalls, maxAmount, maxBytes }: BudgetLimit): BudgetKind {
  if (maxCalls !== undefined) return 'calls';
  if (maxAmount !== undefined) return 'amount';
  return maxBytes === undefined ? 'in_flight' : 'bytes';
}

/** @param input with no `budgetProblem` */
function compileRule(name: string, input: BudgetInput): BudgetRule {
  const { match, host, window, currency, idempotency } = input;
  return Object.freeze({
    name,
    match: classSet(match.flatMap((word) => expandActionWord(word) ?? [])),
    kind: kindOf(input),
    limit: input.maxCalls ?? input.maxAmount ?? input.maxBytes ?? input.maxInFlight ?? 0,
    currency,
    per: input.per ?? 'session',
    windowMs: window === undefined ? undefined : parseWindowMs(window),
    agent: input.agent,
    host: host === undefined ? undefined : compileHostMatch(host),
    onExceed: input.onExceed,
    idempotencyHeader: idempotency === undefined ? undefined : parseIdempotencyHeader(idempotency),
  });
}

function checkLimit(limit: BudgetLimit, where: SourceLocation | undefined): void {
  const wrong = budgetProblem(limit);
  if (wrong === undefined) return;
  const key = wrong.key === undefined ? '' : `\`${wrong.key}\` of `;
  throw new ConfigInvalid(`${key}budget \`${limit.name}\` ${wrong.problem}`, where);
}

/**
 * Checks and compiles the `[[sidecar.budgets]]` of a configuration, in their order.
 *
 * @param where the file the rules stand in
 * @throws ConfigInvalid for more than 64 rules, two of one name, an agent that is no id, and what `budgetProblem` finds
 */
export function compileBudgets(rules: readonly BudgetInput[], where?: SourceLocation): readonly BudgetRule[] {
  if (rules.length > MAX_RULES) {
    throw new ConfigInvalid(`${rules.length} budgets; at most ${MAX_RULES} are counted, merge some`, where);
  }
  const names = new Set<string>();
  return Object.freeze(
    rules.map((rule) => {
      checkLimit(rule, where);
      if (names.has(rule.name)) {
        throw new ConfigInvalid(`two budgets are named \`${rule.name}\`; rename one`, where);
      }
      names.add(rule.name);
      if (rule.agent !== undefined && (rule.agent === '' || rule.agent.length > MAX_AGENT_CHARS)) {
        const what = `\`agent\` of budget \`${rule.name}\` must be an agent id`;
        throw new ConfigInvalid(`${what} of 1 to ${MAX_AGENT_CHARS} characters`, where);
      }
      return compileRule(rule.name, rule);
    }),
  );
}

/**
 * The budgets a verified token carries, as rules named `token/<name>`; exceeding one denies the call.
 *
 * @throws ConfigInvalid for what `budgetProblem` finds; a verified token has none of it
 */
export function compileTokenBudgets(limits: readonly BudgetLimit[]): readonly BudgetRule[] {
  return Object.freeze(
    limits.map((limit) => {
      checkLimit(limit, undefined);
      return compileRule(`token/${limit.name}`, {
        ...limit,
        per: 'session',
        agent: undefined,
        onExceed: 'deny',
      });
    }),
  );
}
