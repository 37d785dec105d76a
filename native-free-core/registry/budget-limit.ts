import { parseIdempotencyHeader, parseWindowMs } from './budget-words.ts';
import { expandActionWord } from './classes.ts';
import { compileHostMatch } from './host-match.ts';

/** A limit as it is written, in `firma.toml` or in a token (semantics §5). Exactly one `max…` is set. */
export interface BudgetLimit {
  readonly name: string;
  /** Classes or categories (`payment.*`), 1 to 64. */
  readonly match: readonly string[];
  /** Lower case: `api.stripe.com`, or `*.stripe.com` for what is below it. */
  readonly host?: string | undefined;
  /** `90s`, `15m`, `24h` or `7d`; absent: the life of the account. */
  readonly window?: string | undefined;
  readonly maxCalls?: number | undefined;
  /** Minor units; with `currency`. */
  readonly maxAmount?: number | undefined;
  /** Three lower-case letters. */
  readonly currency?: string | undefined;
  /** Body bytes, both ways. */
  readonly maxBytes?: number | undefined;
  readonly maxInFlight?: number | undefined;
  /** `header:<name>`, lower case; with `maxCalls` or `maxAmount`. */
  readonly idempotency?: string | undefined;
}

/** Why a limit cannot be counted. */
export interface BudgetProblem {
  /** As written, `max_calls`; undefined where it is about no single key. */
  readonly key: string | undefined;
  /** Goes on after the key, or after the budget: `must be …`. Quotes nothing but words of `match`. */
  readonly problem: string;
}

const MAX_WORDS = 64;
const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
const CURRENCY = /^[a-z]{3}$/;

function matchProblem(words: readonly string[]): string | undefined {
  if (words.length === 0 || words.length > MAX_WORDS) return `must be a list of 1 to ${MAX_WORDS} items`;
  const unknown = words.find((word) => expandActionWord(word) === undefined);
  if (unknown === undefined) return undefined;
  return `names \`${unknown}\`, which is no action class and no category; \`firma classes\` lists them`;
}

function limitProblem(limit: BudgetLimit): BudgetProblem | undefined {
  const limits: readonly (readonly [string, number | undefined])[] = [
    ['max_calls', limit.maxCalls],
    ['max_amount', limit.maxAmount],
    ['max_bytes', limit.maxBytes],
    ['max_in_flight', limit.maxInFlight],
  ];
  const [first, second] = limits.filter(([, value]) => value !== undefined);
  if (first === undefined) {
    const problem =
      'limits nothing; add `max_calls`, `max_amount` with `currency`, `max_bytes` or `max_in_flight`';
    return { key: undefined, problem };
  }
  const [key, value = -1] = first;
  if (second !== undefined) {
    return { key: second[0], problem: `cannot stand beside \`${key}\`; write two budgets` };
  }
  if (Number.isSafeInteger(value) && value >= 0) return undefined;
  return { key, problem: `must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}` };
}

function besideProblem(limit: BudgetLimit): BudgetProblem | undefined {
  const { maxAmount, maxCalls, maxInFlight, currency, window, idempotency } = limit;
  if (maxAmount !== undefined && currency === undefined) {
    return { key: 'max_amount', problem: 'needs `currency` beside it' };
  }
  if (maxAmount === undefined && currency !== undefined) {
    return { key: 'currency', problem: 'belongs to `max_amount`; remove it, or limit an amount' };
  }
  if (maxInFlight !== undefined && window !== undefined) {
    return { key: 'window', problem: 'cannot stand beside `max_in_flight`, which counts what is open now' };
  }
  if (idempotency !== undefined && maxCalls === undefined && maxAmount === undefined) {
    return { key: 'idempotency', problem: 'belongs to `max_calls` or `max_amount`; remove it' };
  }
  return undefined;
}

/** What is wrong with a limit, or undefined where it can be counted: the one check of configuration and tokens. */
export function budgetProblem(limit: BudgetLimit): BudgetProblem | undefined {
  const { name, match, host, window, currency, idempotency } = limit;
  if (!NAME.test(name)) {
    const problem = 'must be lower-case letters, digits, `_` and `-`, at most 32, a letter first';
    return { key: 'name', problem };
  }
  const problem = matchProblem(match);
  if (problem !== undefined) return { key: 'match', problem };
  if (host !== undefined && compileHostMatch(host) === undefined) {
    return {
      key: 'host',
      problem:
        'must be a host such as `api.stripe.com`, or `*.stripe.com` for all below it; no port, no IPv6',
    };
  }
  if (window !== undefined && parseWindowMs(window) === undefined) {
    return {
      key: 'window',
      problem: 'must be a whole number and `s`, `m`, `h` or `d`, such as `24h`: 2 seconds to 366 days',
    };
  }
  if (currency !== undefined && !CURRENCY.test(currency)) {
    return { key: 'currency', problem: 'must be three letters such as `usd`' };
  }
  if (idempotency !== undefined && parseIdempotencyHeader(idempotency) === undefined) {
    return {
      key: 'idempotency',
      problem:
        'must be `header:` and the name of a header that goes to the upstream and holds no secret, such as `header:idempotency-key`',
    };
  }
  return limitProblem(limit) ?? besideProblem(limit);
}
