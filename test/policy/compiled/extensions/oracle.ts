import { type DetailedError, isAuthorized } from '@cedar-policy/cedar-wasm/web';
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { startCedar } from '../../../../native-free-core/policy/cedar.ts';
import { Datetime } from '../../../../native-free-core/policy/compiled/extensions/datetime.ts';
import { Decimal } from '../../../../native-free-core/policy/compiled/extensions/decimal.ts';
import { Duration } from '../../../../native-free-core/policy/compiled/extensions/duration.ts';
import { EXTENSION_FUNCTIONS } from '../../../../native-free-core/policy/compiled/extensions/functions.ts';
import { IpAddr } from '../../../../native-free-core/policy/compiled/extensions/ip-addr.ts';
import { compareTemporal } from '../../../../native-free-core/policy/compiled/extensions/temporal.ts';
import { ERROR, type Value, equals } from '../../../../native-free-core/policy/compiled/value.ts';
import { cedarModule } from '../../../../src/cedar-module.ts';

startCedar(cedarModule());

/** A literal, or a function, method or operator on terms. */
export type Term = string | number | { readonly fn: string; readonly args: readonly Term[] };
type Result = Value | typeof ERROR;

const RUNS = 8;
const CONSTRUCTORS = new Set(['decimal', 'ip', 'datetime', 'duration']);
const OPERATORS = new Set(['==', '<', '<=', '>', '>=']);

export const call = (fn: string, ...args: Term[]): Term => ({ fn, args });

function ordered(fn: string, order: -1 | 0 | 1): boolean {
  if (fn === '<') return order < 0;
  if (fn === '<=') return order <= 0;
  return fn === '>' ? order > 0 : order >= 0;
}

/** What the code under test answers. */
export function valueOf(term: Term): Result {
  if (typeof term !== 'object') return term;
  const args: Value[] = [];
  for (const argument of term.args) {
    const value = valueOf(argument);
    if (value === ERROR) return ERROR;
    args.push(value);
  }
  if (!OPERATORS.has(term.fn)) return EXTENSION_FUNCTIONS.get(term.fn)?.(args) ?? ERROR;
  const [left = '', right = ''] = args;
  if (term.fn === '==') return equals(left, right);
  const order = compareTemporal(left, right);
  return order === undefined ? ERROR : ordered(term.fn, order);
}

/** The term as Cedar text. Its texts stand in the context: some characters are written differently in Cedar. */
function cedarOf(term: Term, texts: string[]): string {
  if (typeof term === 'number') return String(term);
  if (typeof term === 'string') return `context.t${texts.push(term) - 1}`;
  const args = term.args.map((argument) => cedarOf(argument, texts));
  if (OPERATORS.has(term.fn)) return `(${args.join(` ${term.fn} `)})`;
  if (CONSTRUCTORS.has(term.fn)) return `${term.fn}(${args.join(', ')})`;
  const [self, ...others] = args;
  return `${self}.${term.fn}(${others.join(', ')})`;
}

/** A value in the plainest Cedar text there is for it. */
function literalOf(value: Value): string {
  if (value instanceof Decimal) {
    const digits = String(value.scaled).replace('-', '').padStart(5, '0');
    return `decimal("${value.scaled < 0 ? '-' : ''}${digits.slice(0, -4)}.${digits.slice(-4)}")`;
  }
  if (value instanceof IpAddr) {
    const address = value.isIpv6()
      ? value.groups.map((group) => group.toString(16)).join(':')
      : value.groups.map((group) => `${group >> 8}.${group & 255}`).join('.');
    return `ip("${address}/${value.prefix}")`;
  }
  if (value instanceof Datetime) return `datetime("1970-01-01").offset(duration("${value.epochMs}ms"))`;
  if (value instanceof Duration) return `duration("${value.ms}ms")`;
  return String(value);
}

/** Asks Cedar which conditions hold; `undefined` stands for an error. */
function ask(
  conditions: readonly string[],
  context: Readonly<Record<string, string>>,
): (boolean | undefined)[] {
  const policies = conditions.map(
    (condition, index) =>
      [String(index), `permit (principal, action, resource) when { ${condition} };`] as const,
  );
  const answer = isAuthorized({
    principal: { type: 'User', id: 'a' },
    action: { type: 'Action', id: 'a' },
    resource: { type: 'User', id: 'a' },
    context: { ...context },
    entities: [],
    policies: { staticPolicies: Object.fromEntries(policies) },
  });
  if (answer.type === 'failure') {
    throw new Error(answer.errors.map((error: DetailedError) => error.message).join('; '));
  }
  const held = new Set(answer.response.diagnostics.reason);
  const errored = new Set(answer.response.diagnostics.errors.map(({ policyId }) => policyId));
  return policies.map(([id]) => (errored.has(id) ? undefined : held.has(id)));
}

/** The terms whose value is not Cedar's, or that error on one side only, in words. Asks Cedar once. */
export function disagreements(terms: readonly Term[]): string[] {
  const texts: string[] = [];
  const compared = terms.map((term) => {
    const value = valueOf(term);
    const literal = value === ERROR ? undefined : literalOf(value);
    return { term, literal, condition: `${cedarOf(term, texts)} == ${literal ?? '0'}` };
  });
  const context = Object.fromEntries(texts.map((text, index) => [`t${index}`, text]));
  const conditions = compared.map(({ condition }) => condition);
  const held = ask(conditions, context);
  return compared.flatMap(({ term, literal }, index) =>
    held[index] === (literal === undefined ? undefined : true)
      ? []
      : [
          `${JSON.stringify(term)} is ${literal ?? 'an error'}; cedar ${held[index] === undefined ? 'errors' : 'answers otherwise'}`,
        ],
  );
}

/** The texts that a constructor should take but refuses, or the other way round, and those that Cedar reads otherwise. */
export function misread(constructor: string, taken: readonly string[], refused: readonly string[]): string[] {
  const errors = (text: string): boolean => valueOf(call(constructor, text)) === ERROR;
  const calls = [...taken, ...refused].map((text) => call(constructor, text));
  return [...taken.filter(errors), ...refused.filter((text) => !errors(text)), ...disagreements(calls)];
}

/**
 * Looks for generated terms to which Cedar gives another value, up to 300 in each question to it.
 *
 * @returns undefined where there are none, else the fewest and simplest, with the seed that leads there
 */
export function counterexample(term: fc.Arbitrary<Term>): string | undefined {
  const batch = fc.array(term, { minLength: 1, maxLength: 300, size: 'max' });
  const agrees = fc.property(batch, (terms) => {
    expect(disagreements(terms)).toEqual([]);
  });
  return fc.defaultReportMessage(fc.check(agrees, { numRuns: RUNS }));
}

/** A text with a few characters put in, left out or replaced. */
export function garbled(text: fc.Arbitrary<string>, alphabet: string): fc.Arbitrary<string> {
  const edit = fc.record({
    at: fc.nat(50),
    remove: fc.nat(2),
    insert: fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 2 }),
  });
  return fc.tuple(text, fc.array(edit, { maxLength: 2 })).map(([from, edits]) => {
    let result = from;
    for (const { at, remove, insert } of edits) {
      const index = at % (result.length + 1);
      result = result.slice(0, index) + insert + result.slice(index + remove);
    }
    return result;
  });
}
