import {
  type ActionClassInfo,
  budgetProblem,
  classSet,
  ACTION_CLASSES,
  expandActionWord,
  IssuanceDenied,
  type TokenBudget,
} from '@firma/core';

/** What somebody asks the Authority for. */
export interface IssueRequest {
  readonly agent: string;
  readonly groups?: readonly string[];
  /** Classes or categories (`payment.*`); a token holds classes only. */
  readonly actions: readonly string[];
  /** Patterns of semantics §2. */
  readonly scope: readonly string[];
  readonly ttlS: number;
  readonly budgets?: readonly TokenBudget[];
  /** The session's earlier token: the new one keeps its session. */
  readonly renews?: string;
}

// The bounds that a sidecar holds a token's claims to.
const MAX_ID_CHARS = 256;
const MAX_GROUPS = 32;
const MAX_PATTERNS = 64;
const MAX_PATTERN_CHARS = 512;
const MAX_BUDGETS = 16;

const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

function isName(text: string): boolean {
  return text !== '' && text.length <= MAX_ID_CHARS && !UNPRINTABLE.test(text);
}

function checkBudgets(budgets: readonly TokenBudget[]): void {
  if (budgets.length > MAX_BUDGETS) throw new IssuanceDenied(`a token holds at most ${MAX_BUDGETS} budgets`);
  const names = new Set<string>();
  for (const budget of budgets) {
    const wrong = budgetProblem(budget);
    if (wrong !== undefined) {
      const key = wrong.key === undefined ? '' : `\`${wrong.key}\` of `;
      throw new IssuanceDenied(`${key}budget \`${budget.name}\` ${wrong.problem}`);
    }
    if (names.has(budget.name)) {
      throw new IssuanceDenied(`two budgets are named \`${budget.name}\`; rename one`);
    }
    names.add(budget.name);
  }
}

/**
 * The classes that words name, each once, in the order of the list.
 *
 * @throws IssuanceDenied where a word names nothing, or there is none
 */
export function expandActions(words: readonly string[]): readonly ActionClassInfo[] {
  const named = words.flatMap((word) => {
    const classes = expandActionWord(word);
    if (classes !== undefined) return classes;
    throw new IssuanceDenied(`\`${word}\` is no action class and no category; \`firma classes\` lists them`);
  });
  if (named.length === 0) throw new IssuanceDenied('a token needs at least one action class');
  const set = classSet(named);
  return ACTION_CLASSES.filter((info) => set[info.index] === 1);
}

/** @throws IssuanceDenied where a request is not one that a valid token could answer */
export function checkRequest(
  request: IssueRequest,
  maxTtlS: number,
  checkScope: (pattern: string) => string | undefined,
): void {
  const { agent, groups = [], scope, ttlS, budgets = [] } = request;
  if (!isName(agent)) {
    throw new IssuanceDenied(`an agent id is 1 to ${MAX_ID_CHARS} printable characters`);
  }
  if (groups.length > MAX_GROUPS || !groups.every(isName)) {
    throw new IssuanceDenied(
      `an agent is in at most ${MAX_GROUPS} groups, with names of 1 to ${MAX_ID_CHARS} printable characters`,
    );
  }
  if (!Number.isSafeInteger(ttlS) || ttlS < 1 || ttlS > maxTtlS) {
    throw new IssuanceDenied(
      `a lifetime of ${ttlS} s is not within 1 to ${maxTtlS} s (\`authority.max_ttl_s\`)`,
    );
  }
  if (scope.length === 0 || scope.length > MAX_PATTERNS) {
    throw new IssuanceDenied(`a scope has 1 to ${MAX_PATTERNS} patterns; \`*\` is every resource`);
  }
  for (const pattern of scope) {
    const problem =
      pattern.length > MAX_PATTERN_CHARS ? `is longer than ${MAX_PATTERN_CHARS}` : checkScope(pattern);
    if (problem !== undefined) {
      throw new IssuanceDenied(`scope \`${pattern.slice(0, MAX_PATTERN_CHARS)}\`: ${problem}`);
    }
  }
  checkBudgets(budgets);
}
