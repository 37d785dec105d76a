import type { DetailedError, PolicyJson, ValidationError } from '@cedar-policy/cedar-wasm/web';
import { PolicyInvalid, type SourceLocation } from '../errors.ts';
import { ACTION_CLASSES, CATEGORIES } from '../registry/classes.ts';
import { didYouMean } from '../registry/suggest.ts';
import { isRecord, nodeOf, operands } from './expression.ts';
import { locate, type PolicyText } from './source.ts';

/** Names of the facts and budgets that policies may read; undefined where the schema has neither. */
export interface ReadableNames {
  readonly params: readonly string[];
  readonly budget: readonly string[];
}

type Section = keyof ReadableNames;

interface Undeclared {
  readonly section: Section;
  readonly name: string;
}

/** A policy, as far as its problems need it. */
interface Parsed extends PolicyText {
  readonly id: string;
  readonly json: PolicyJson;
}

const MAX_LISTED = 20;
// Cedar repeats an error for each of the 44 classes, in no order.
const FOR_CLASS = / in context for Firma::Action::"[^"]*"/;
const FOR_POLICY = /^for policy `[^`]*`, /;
const UNKNOWN_ACTION = /unrecognized action `Firma::Action::"([^"]*)"`/;

export function cedarMessage(error: DetailedError | undefined): string {
  if (error === undefined) return 'cedar does not say what is wrong';
  const action = UNKNOWN_ACTION.exec(error.message)?.[1];
  if (action !== undefined) {
    const known = [...ACTION_CLASSES.map(({ name }) => name), ...CATEGORIES];
    const policy = FOR_POLICY.exec(error.message)?.[0] ?? '';
    return `${policy}\`${action}\` is no action class; \`firma classes\` lists them${didYouMean(action, known)}`;
  }
  const hint = error.help ?? error.sourceLocations?.[0]?.label;
  return `${error.message.replace(FOR_CLASS, '')}${typeof hint === 'string' ? ` (${hint})` : ''}`;
}

export function cedarPlace(policy: PolicyText, error: DetailedError | undefined): SourceLocation {
  return locate(policy, error?.sourceLocations?.[0]?.start ?? 0);
}

/** `context.params` or `context.budget`. */
function sectionOf(expr: unknown): Section | undefined {
  const node = nodeOf(expr);
  if (node?.op !== '.' || !isRecord(node.body)) return undefined;
  const { left, attr } = node.body;
  const variable = nodeOf(left);
  if (variable?.op !== 'Var' || variable.body !== 'context') return undefined;
  return attr === 'params' || attr === 'budget' ? attr : undefined;
}

function addUndeclared(expr: unknown, names: ReadableNames, found: Map<string, Undeclared>): void {
  const node = nodeOf(expr);
  if (node === undefined) return;
  if ((node.op === '.' || node.op === 'has') && isRecord(node.body)) {
    const { left, attr } = node.body;
    const section = sectionOf(left);
    const name: unknown = Array.isArray(attr) ? attr[0] : attr;
    if (section !== undefined && typeof name === 'string' && !names[section].includes(name)) {
      found.set(`${section} ${name}`, { section, name });
    }
  }
  for (const operand of operands(node)) addUndeclared(operand, names, found);
}

function undeclaredIn({ conditions }: PolicyJson, names: ReadableNames): readonly Undeclared[] {
  const found = new Map<string, Undeclared>();
  for (const { body } of conditions) addUndeclared(body, names, found);
  return [...found.values()];
}

/** Where the name stands, as it is usually written; else where the policy does. */
function placeOfName(policy: PolicyText, { section, name }: Undeclared): SourceLocation {
  const written = [
    `${section}.${name}`,
    `${section} has ${name}`,
    `${section} has "${name}"`,
    `${section}["${name}"]`,
  ];
  const at = written.map((text) => policy.text.indexOf(text)).filter((index) => index >= 0);
  if (at.length === 0) return locate(policy, 0);
  return locate(policy, new TextEncoder().encode(policy.text.slice(0, Math.min(...at))).length);
}

function undeclaredProblem(policy: Parsed, one: Undeclared, names: ReadableNames): PolicyInvalid {
  const { section, name } = one;
  const known = names[section].toSorted();
  const listed = known.slice(0, MAX_LISTED).map((word) => `\`${word}\``);
  const more = known.length > MAX_LISTED ? ` and ${known.length - MAX_LISTED} more` : '';
  const what =
    section === 'budget'
      ? `is no budget of the configuration; ${known.length === 0 ? 'it has none' : `it has ${listed.join(', ')}${more}`}`
      : `is no fact that a mapping rule declares; there are ${listed.join(', ')}${more}`;
  return new PolicyInvalid(
    `for policy \`${policy.id}\`, \`context.${section}.${name}\` ${what}${didYouMean(name, known)}`,
    placeOfName(policy, one),
  );
}

/**
 * What validation found in one policy, each thing once.
 *
 * @param errors what cedar calls errors
 * @param warnings what it calls warnings: where something else is wrong they only say that it is
 */
export function problemsOfPolicy(
  policy: Parsed,
  errors: readonly ValidationError[],
  warnings: readonly ValidationError[],
  names: ReadableNames | undefined,
): readonly PolicyInvalid[] {
  const undeclared = names === undefined ? [] : undeclaredIn(policy.json, names);
  const found = new Map<string, PolicyInvalid>();
  const add = (problem: PolicyInvalid): void => void found.set(problem.message, problem);
  for (const one of undeclared) {
    if (names !== undefined) add(undeclaredProblem(policy, one, names));
  }
  for (const { error } of errors) {
    const isSaid = undeclared.some(({ section, name }) => error.message.includes(`\`${section}.${name}\``));
    if (!isSaid) add(new PolicyInvalid(cedarMessage(error), cedarPlace(policy, error)));
  }
  if (found.size === 0) {
    for (const { error } of warnings) add(new PolicyInvalid(cedarMessage(error), cedarPlace(policy, error)));
  }
  return [...found.values()];
}
