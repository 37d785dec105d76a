import { type PolicyJson, policyToJson } from '@cedar-policy/cedar-wasm/web';
import { formatLocation } from '../errors.ts';
import { didYouMean } from '../registry/suggest.ts';
import type { Bundle, BundlePolicy } from './bundle.ts';
import { assertCedarStarted } from './cedar.ts';
import { nodeOf, operands } from './expression.ts';
import { hostGroupsIn } from './group-names.ts';

/**
 * `arithmetic`: a condition that can error, and an error denies. `overruled`: a permit that never allows.
 * `unconditional`: a permit that looks at nothing but its scope and does not say why with `@unconditional`, or says so
 * where it is not true. `unknown-group`: a host group that no host is in, so what names it never applies.
 */
export type PolicyWarningKind = 'arithmetic' | 'overruled' | 'unconditional' | 'unknown-group';

/** Something that loads and is probably not what was meant. */
export interface PolicyWarning {
  readonly kind: PolicyWarningKind;
  readonly policy: BundlePolicy;
  /** What is the matter and what to do; it begins with the policy. */
  readonly message: string;
}

/** A policy with what the checks compare it by. */
interface Examined {
  readonly policy: BundlePolicy;
  readonly json: PolicyJson;
  readonly principal: string;
  readonly resource: string;
}

const ANY = '{"op":"All"}';
/** Cedar's operators by how they are written. */
const ARITHMETIC: ReadonlyMap<string, string> = new Map([
  ['+', '+'],
  ['-', '-'],
  ['*', '*'],
  ['neg', '-'],
]);

/** Whether an expression has the same value for every request. */
function isConstant(expr: unknown): boolean {
  const node = nodeOf(expr);
  if (node === undefined || node.op === 'Var' || node.op === 'Slot') return false;
  return operands(node).every(isConstant);
}

function addArithmetic(expr: unknown, found: Set<string>): void {
  const node = nodeOf(expr);
  if (node === undefined) return;
  const sign = ARITHMETIC.get(node.op);
  const inner = operands(node);
  if (sign !== undefined && !inner.every(isConstant)) found.add(sign);
  for (const operand of inner) addArithmetic(operand, found);
}

/** The operators that compute with what differs from call to call. */
function arithmeticIn({ conditions }: PolicyJson): readonly string[] {
  const found = new Set<string>();
  for (const { body } of conditions) addArithmetic(body, found);
  return [...found].sort();
}

function examine(policy: BundlePolicy): Examined[] {
  const answer = policyToJson(policy.text);
  // It parsed when the bundle was loaded.
  if (answer.type === 'failure') return [];
  const { json } = answer;
  return [
    { policy, json, principal: JSON.stringify(json.principal), resource: JSON.stringify(json.resource) },
  ];
}

function isUnconditional({ json }: Examined): boolean {
  return json.conditions.length === 0;
}

function covers(wide: string, narrow: string): boolean {
  return wide === ANY || wide === narrow;
}

/** Whether the scope of a forbid admits every call that the scope of a permit admits. */
function overrules(forbid: Examined, permit: Examined): boolean {
  return (
    covers(forbid.principal, permit.principal) &&
    covers(forbid.resource, permit.resource) &&
    permit.policy.classes.every((isIn, index) => isIn === 0 || forbid.policy.classes[index] === 1)
  );
}

function warningsOf(
  examined: Examined,
  forbids: readonly Examined[],
  hostGroups: readonly string[] | undefined,
): PolicyWarning[] {
  const { policy, json } = examined;
  const { effect, id } = policy;
  const warnings: PolicyWarning[] = [];
  const warn = (kind: PolicyWarningKind, what: string): void => {
    warnings.push({ kind, policy, message: `${effect} \`${id}\` ${what}` });
  };
  const signs = arithmeticIn(json);
  if (signs.length > 0) {
    warn(
      'arithmetic',
      `computes with facts of the call (${signs.map((sign) => `\`${sign}\``).join(', ')}); a result beyond 64 bits ` +
        'is an error, and an error denies; compare the facts themselves',
    );
  }
  for (const group of hostGroups === undefined ? [] : hostGroupsIn(json)) {
    if (hostGroups?.includes(group) === true) continue;
    warn(
      'unknown-group',
      `names the host group \`${group}\`, which no \`[[groups]]\` of a mapping table declares, so no host is in it` +
        didYouMean(group, hostGroups ?? []),
    );
  }
  const isMeant = json.annotations?.['unconditional'] !== undefined;
  if (effect === 'forbid') {
    if (isMeant) warn('unconditional', 'permits nothing; remove its `@unconditional`');
    return warnings;
  }
  if (isUnconditional(examined)) {
    if (!isMeant) {
      warn(
        'unconditional',
        'has no condition, so it allows every call in its scope that nothing forbids; ' +
          'give it a condition, or say why it needs none with `@unconditional("…")`',
      );
    }
  } else if (isMeant) {
    warn('unconditional', 'has a condition; remove its `@unconditional`');
  }
  const forbid = forbids.find((one) => overrules(one, examined))?.policy;
  if (forbid !== undefined) {
    const where = formatLocation({ file: forbid.file, line: forbid.line });
    warn(
      'overruled',
      `never allows: forbid \`${forbid.id}\` at ${where} has the same scope or a wider one, and no condition; ` +
        'give the forbid one, or remove either',
    );
  }
  return warnings;
}

/**
 * Looks for what a bundle says and probably does not mean. Nothing here stops a start: what strict validation refuses,
 * such as a scope that no class satisfies or `decimal(…)` of a text from the call, is in no bundle.
 *
 * Cost: about 0.3 ms a policy, and a look at every pair of a permit and a forbid without a condition.
 *
 * @param hostGroups those that the mapping tables declare; undefined where they are not known
 * @returns in the order of the bundle
 * @throws StartFailed where cedar is not started
 */
export function lintBundle({ policies }: Bundle, hostGroups?: readonly string[]): readonly PolicyWarning[] {
  assertCedarStarted();
  const all = policies.flatMap(examine);
  const forbids = all.filter((one) => one.policy.effect === 'forbid' && isUnconditional(one));
  return all.flatMap((one) => warningsOf(one, forbids, hostGroups));
}
