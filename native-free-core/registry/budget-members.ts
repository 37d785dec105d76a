import { budgetProblem, type BudgetLimit, type BudgetProblem } from './budget-limit.ts';

type Members = Readonly<Record<string, unknown>>;
type Draft = { -readonly [Key in keyof BudgetLimit]: BudgetLimit[Key] };

const TEXTS = ['host', 'window', 'currency', 'idempotency'] as const;
const NUMBERS = [
  ['max_calls', 'maxCalls'],
  ['max_amount', 'maxAmount'],
  ['max_bytes', 'maxBytes'],
  ['max_in_flight', 'maxInFlight'],
] as const;
const KNOWN: ReadonlySet<string> = new Set(['name', 'match', ...TEXTS, ...NUMBERS.map(([key]) => key)]);

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/**
 * Reads a limit from the members of a token's `budgets` claim, or the keys of a configuration's entry.
 *
 * A member that is not known refuses it: it could narrow the limit.
 *
 * @returns a frozen limit, with no key where the member is absent
 */
export function readBudgetMembers(members: Members): BudgetLimit | BudgetProblem {
  const unknown = Object.keys(members).find((key) => !KNOWN.has(key));
  if (unknown !== undefined) return { key: undefined, problem: 'has a member that is not known' };
  const { name, match } = members;
  if (typeof name !== 'string') return { key: 'name', problem: 'must be a string' };
  if (!isTextList(match)) return { key: 'match', problem: 'must be a list of strings' };
  const limit: Draft = { name, match: Object.freeze([...match]) };
  for (const key of TEXTS) {
    const value = members[key];
    if (value === undefined) continue;
    if (typeof value !== 'string') return { key, problem: 'must be a string' };
    limit[key] = value;
  }
  for (const [key, field] of NUMBERS) {
    const value = members[key];
    if (value === undefined) continue;
    if (typeof value !== 'number') return { key, problem: 'must be a number' };
    limit[field] = value;
  }
  return budgetProblem(limit) ?? Object.freeze(limit);
}

/** The members of a limit, as `readBudgetMembers` takes them; what is absent has none. */
export function writeBudgetMembers(limit: BudgetLimit): Members {
  const members: Record<string, unknown> = { name: limit.name, match: limit.match };
  for (const key of TEXTS) {
    if (limit[key] !== undefined) members[key] = limit[key];
  }
  for (const [key, field] of NUMBERS) {
    if (limit[field] !== undefined) members[key] = limit[field];
  }
  return members;
}
