import {
  type DetailedError,
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  validate,
  type ValidationError,
} from '@cedar-policy/cedar-wasm/web';
import { formatLocation, PolicyInvalid, type SourceLocation } from '../errors.ts';
import { type PolicyNotes, readAnnotations } from './annotations.ts';
import { assertCedarStarted } from './cedar.ts';
import { allWellFormed } from './exact-query.ts';
import { policyDepth } from './expression.ts';
import type { PolicySource } from './port.ts';
import { locate, type PolicyText, splitPolicies } from './source.ts';

const MAX_BYTES = 1_000_000;
const MAX_POLICIES = 5_000;
// INVARIANT: what is evaluated is at most this deep. Cedar recurses; some 350 levels exhaust the stack of its WebAssembly
// instance, after which every call of the thread traps.
const MAX_DEPTH = 100;

/** One policy that parsed and validated. */
export interface LoadedPolicy extends PolicyText, PolicyNotes {
  readonly json: PolicyJson;
}

function messageOf(error: DetailedError | undefined): string {
  if (error === undefined) return 'cedar does not say what is wrong';
  const hint = error.help ?? error.sourceLocations?.[0]?.label;
  return `${error.message}${typeof hint === 'string' ? ` (${hint})` : ''}`;
}

function placeOf(policy: PolicyText, error: DetailedError | undefined): SourceLocation {
  return locate(policy, error?.sourceLocations?.[0]?.start ?? 0);
}

function parse(policy: PolicyText): LoadedPolicy {
  const answer = policyToJson(policy.text);
  if (answer.type === 'failure') {
    const [error] = answer.errors;
    throw new PolicyInvalid(messageOf(error), placeOf(policy, error));
  }
  const { json } = answer;
  const notes = readAnnotations(json, policy);
  if (policyDepth(json, MAX_DEPTH) > MAX_DEPTH) {
    throw new PolicyInvalid(
      `policy \`${notes.id}\` chains or nests more than ${MAX_DEPTH} conditions; split it, or use a set and \`contains\``,
      policy,
    );
  }
  return { ...policy, ...notes, json };
}

function parseSource(source: PolicySource): LoadedPolicy[] {
  if (!allWellFormed([source.text])) {
    throw new PolicyInvalid('the text is not well-formed Unicode', { file: source.file });
  }
  const policies = splitPolicies(source).map(parse);
  // The files are split here and parsed there: a policy lost between the two would be a policy not enforced.
  const parts = policySetTextToParts(source.text);
  if (
    parts.type === 'failure' ||
    parts.policies.length !== policies.length ||
    parts.policy_templates.length > 0
  ) {
    throw new PolicyInvalid('cedar does not read this file as the same policies', { file: source.file });
  }
  return policies;
}

function byId(policies: readonly LoadedPolicy[]): ReadonlyMap<string, LoadedPolicy> {
  const known = new Map<string, LoadedPolicy>();
  for (const policy of policies) {
    const other = known.get(policy.id);
    if (other !== undefined) {
      throw new PolicyInvalid(
        `policy id \`${policy.id}\` is used already at ${formatLocation(other)}; ids must be unique`,
        policy,
      );
    }
    known.set(policy.id, policy);
  }
  return known;
}

function assertValid(policies: ReadonlyMap<string, LoadedPolicy>, schema: string): void {
  const texts: Record<string, string> = {};
  for (const [id, policy] of policies) texts[id] = policy.text;
  const answer = validate({
    schema,
    policies: { staticPolicies: texts },
    validationSettings: { mode: 'strict' },
  });
  if (answer.type === 'failure') throw new PolicyInvalid(messageOf(answer.errors[0]));
  // A condition that can never apply protects nothing, so a warning refuses the bundle like an error.
  const found: readonly ValidationError[] = [...answer.validationErrors, ...answer.validationWarnings];
  for (const { policyId, error } of found) {
    const policy = policies.get(policyId);
    throw new PolicyInvalid(messageOf(error), policy === undefined ? undefined : placeOf(policy, error));
  }
  const [other] = answer.otherWarnings;
  if (other !== undefined) throw new PolicyInvalid(messageOf(other));
}

/**
 * Parses policy files and validates them strictly against a schema.
 *
 * Cost: 0.5 to 1.5 ms a policy.
 *
 * @returns the policies by id
 * @throws PolicyInvalid with file, line and id: a policy that does not parse or validate, a validation warning, a
 *   template, a missing or repeated `@id`, a malformed annotation, too many or too deeply nested policies
 * @throws StartFailed where cedar is not started
 */
export function loadPolicies(sources: readonly PolicySource[], schema: string): LoadedPolicy[] {
  assertCedarStarted();
  let bytes = 0;
  const policies: LoadedPolicy[] = [];
  for (const source of sources) {
    bytes += new TextEncoder().encode(source.text).length;
    if (bytes > MAX_BYTES) {
      throw new PolicyInvalid(`the policies are longer than ${MAX_BYTES} bytes in all`, {
        file: source.file,
      });
    }
    for (const policy of parseSource(source)) policies.push(policy);
    if (policies.length > MAX_POLICIES) {
      throw new PolicyInvalid(`there are more than ${MAX_POLICIES} policies`, { file: source.file });
    }
  }
  const known = byId(policies);
  assertValid(known, schema);
  return policies.sort((a, b) => (a.id < b.id ? -1 : 1));
}
