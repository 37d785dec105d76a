import type { BudgetLine, BudgetRule, Charge, Exceeded } from './budget.ts';

/** What a call holds of which rules: indices and amounts in parallel. */
export interface Holding {
  readonly rules: number[];
  readonly amounts: number[];
}

// What a rule says about a call it does not simply charge.
const NOT_MATCHED = -1;
const OTHER_CURRENCY = -2;
const UNREADABLE = -3;

const MAX_TOKEN_RULES = 64;
const NO_LINES: readonly BudgetLine[] = Object.freeze([]);

function amountFor(rule: BudgetRule, charge: Charge): number {
  if (rule.match[charge.classIndex] !== 1) return NOT_MATCHED;
  if (rule.maxAmount === undefined) return 1;
  const { amount, currency } = charge;
  if (amount === undefined || currency === undefined) return UNREADABLE;
  if (!Number.isSafeInteger(amount) || amount < 0) return UNREADABLE;
  return rule.currency === currency ? amount : OTHER_CURRENCY;
}

function limitOf(rule: BudgetRule): number {
  return rule.maxAmount ?? rule.maxCalls ?? 0;
}

function tighter(left: BudgetRule, right: BudgetRule): BudgetRule {
  const match = new Uint8Array(left.match);
  for (let index = 0; index < match.length; index++) {
    if (right.match[index] === 1) match[index] = 1;
  }
  return { ...(limitOf(left) <= limitOf(right) ? left : right), match };
}

/**
 * The budgets of one session: what is committed, what is held for calls under way.
 *
 * INVARIANT: committed + held of a rule never exceeds the limit it had when the last of it was held; sums are compared by
 * subtraction, so they stay exact up to 2^53-1.
 */
export class BudgetLedger {
  // Configured rules first, then the token's. Rules are only appended or tightened in place: indices stay true.
  #rules: readonly BudgetRule[];
  readonly #configured: number;
  readonly #committed: number[];
  readonly #held: number[];

  constructor(configured: readonly BudgetRule[]) {
    this.#rules = configured;
    this.#configured = configured.length;
    this.#committed = configured.map(() => 0);
    this.#held = configured.map(() => 0);
  }

  /**
   * Adds a token's rules. A name there already keeps the smaller limit and matches what either matched; one with another
   * kind of limit or currency holds beside it.
   *
   * @returns false where the session has too many rules already; nothing is added then
   */
  tighten(tokenRules: readonly BudgetRule[]): boolean {
    const rules = [...this.#rules];
    for (const rule of tokenRules) {
      const at = rules.findIndex(
        (known, index) =>
          index >= this.#configured && known.name === rule.name && known.currency === rule.currency,
      );
      const known = rules[at];
      if (known === undefined) rules.push(rule);
      else rules[at] = tighter(known, rule);
    }
    if (rules.length - this.#configured > MAX_TOKEN_RULES) return false;
    while (this.#committed.length < rules.length) {
      this.#committed.push(0);
      this.#held.push(0);
    }
    this.#rules = rules;
    return true;
  }

  /** The name of a rule that counts one class and not the other, by `ActionClassInfo.index`. */
  countsOnly(classIndex: number, notIndex: number): string | undefined {
    for (const { match, name } of this.#rules)
      if (match[classIndex] === 1 && match[notIndex] !== 1) return name;
    return undefined;
  }

  /** Whether a rule has no room for a call; one that ends the session answers first, else the first in order. */
  exceeded(charge: Charge): Exceeded | undefined {
    // The two groups cover currencies separately: a budget of the sidecar does not open a currency the token leaves out.
    const configured = this.#exceededOf(charge, 0, this.#configured);
    return configured ?? this.#exceededOf(charge, this.#configured, this.#rules.length);
  }

  #exceededOf(charge: Charge, from: number, to: number): Exceeded | undefined {
    let first: string | undefined;
    let otherCurrency: string | undefined;
    let currencyCovered = false;
    for (let index = from; index < to; index++) {
      const rule = this.#rules[index];
      if (rule === undefined) continue;
      const amount = amountFor(rule, charge);
      if (amount === NOT_MATCHED) continue;
      if (amount === OTHER_CURRENCY) {
        otherCurrency ??= rule.name;
        continue;
      }
      if (amount === UNREADABLE) {
        first ??= rule.name;
        continue;
      }
      if (rule.maxAmount !== undefined) currencyCovered = true;
      const room = limitOf(rule) - (this.#committed[index] ?? 0);
      if (amount > room && rule.onExceed === 'abort') {
        return { reason: 'BUDGET_EXCEEDED', name: rule.name, abort: true };
      }
      if (amount > room - (this.#held[index] ?? 0)) first ??= rule.name;
    }
    const name = first ?? (currencyCovered ? undefined : otherCurrency);
    return name === undefined ? undefined : { reason: 'BUDGET_EXCEEDED', name, abort: false };
  }

  /** Holds a call's use of every rule that counts it. Only after `exceeded` said that none is. */
  hold(charge: Charge, holding: Holding): readonly BudgetLine[] {
    let lines: BudgetLine[] | undefined;
    for (let index = 0; index < this.#rules.length; index++) {
      const rule = this.#rules[index];
      if (rule === undefined) continue;
      const amount = amountFor(rule, charge);
      if (amount < 0) continue;
      const held = (this.#held[index] ?? 0) + amount;
      this.#held[index] = held;
      holding.rules.push(index);
      holding.amounts.push(amount);
      const line = {
        name: rule.name,
        charged: amount,
        remaining: limitOf(rule) - (this.#committed[index] ?? 0) - held,
      };
      if (lines === undefined) lines = [line];
      else lines.push(line);
    }
    return lines ?? NO_LINES;
  }

  /** Ends what `hold` began: the use stays (`committed`), or is given back. */
  settle(holding: Holding, committed: boolean): void {
    for (let at = 0; at < holding.rules.length; at++) {
      const index = holding.rules[at] ?? 0;
      const amount = holding.amounts[at] ?? 0;
      this.#held[index] = (this.#held[index] ?? 0) - amount;
      if (committed) this.#committed[index] = (this.#committed[index] ?? 0) + amount;
    }
  }
}
