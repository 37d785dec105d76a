import {
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  validate,
  type ValidationError,
} from '@cedar-policy/cedar-wasm/web';
import { formatLocation, PolicyInvalid } from '../errors.ts';
import { type PolicyNotes, readAnnotations } from './annotations.ts';
import { assertCedarStarted } from './cedar.ts';
import { allWellFormed } from './exact-query.ts';
import { policyDepth } from './expression.ts';
import { cedarMessage, cedarPlace, problemsOfPolicy, type ReadableNames } from './load-problems.ts';
import type { PolicySource } from './port.ts';
import { type PolicyText, splitPolicies } from './source.ts';

const MAX_BYTES = 4_000_000;
const MAX_POLICY_BYTES = 100_000;
const MAX_POLICIES = 10_000;
// INVARIANT: what is evaluated is at most this deep. Cedar recurses; some 350 levels exhaust the stack of its WebAssembly
// instance, after which every call of the thread traps.
const MAX_DEPTH = 100;
/** Nobody reads more at once. */
const MAX_PROBLEMS = 50;

/** One policy that parsed and validated. */
export interface LoadedPolicy extends PolicyText, PolicyNotes {
  readonly json: PolicyJson;
}

/** What became of policy files: policies by id, or what is wrong with them by place, at most 50. */
export interface ReadPolicies {
  readonly policies: readonly LoadedPolicy[];
  readonly problems: readonly PolicyInvalid[];
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** What an action gives; what is wrong goes to the problems. */
function attempt<T>(problems: PolicyInvalid[], action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof PolicyInvalid)) throw error;
    problems.push(error);
    return undefined;
  }
}

function parse(policy: PolicyText): LoadedPolicy {
  if (byteLength(policy.text) > MAX_POLICY_BYTES) {
    throw new PolicyInvalid(
      `a policy is longer than ${MAX_POLICY_BYTES} bytes; split it into several policies`,
      policy,
    );
  }
  const answer = policyToJson(policy.text);
  if (answer.type === 'failure') {
    const [error] = answer.errors;
    throw new PolicyInvalid(cedarMessage(error), cedarPlace(policy, error));
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

function assertSameParts({ file, text }: PolicySource, count: number): void {
  // The files are split here and parsed there: a policy lost between the two would be a policy not enforced.
  const parts = policySetTextToParts(text);
  if (parts.type === 'failure' || parts.policies.length !== count || parts.policy_templates.length > 0) {
    throw new PolicyInvalid('cedar does not read this file as the same policies', { file });
  }
}

/** A file split into its policies. */
interface SplitSource {
  readonly source: PolicySource;
  readonly texts: readonly PolicyText[];
}

/** Too much is refused before anything is parsed, which takes a thousand times as long as splitting. */
function splitAll(sources: readonly PolicySource[], problems: PolicyInvalid[]): readonly SplitSource[] {
  const split: SplitSource[] = [];
  let bytes = 0;
  let count = 0;
  for (const source of sources) {
    const { file, text } = source;
    bytes += byteLength(text);
    if (bytes > MAX_BYTES) {
      throw new PolicyInvalid(`the policies are longer than ${MAX_BYTES} bytes in all`, { file });
    }
    const texts = attempt(problems, () => splitSource(source));
    if (texts === undefined) continue;
    count += texts.length;
    if (count > MAX_POLICIES)
      throw new PolicyInvalid(`there are more than ${MAX_POLICIES} policies`, { file });
    split.push({ source, texts });
  }
  return split;
}

function splitSource(source: PolicySource): readonly PolicyText[] {
  if (allWellFormed([source.text])) return splitPolicies(source);
  throw new PolicyInvalid('the text is not well-formed Unicode', { file: source.file });
}

function parseSource({ source, texts }: SplitSource, problems: PolicyInvalid[]): readonly LoadedPolicy[] {
  const before = problems.length;
  const policies: LoadedPolicy[] = [];
  for (const text of texts) {
    const policy = attempt(problems, () => parse(text));
    if (policy !== undefined) policies.push(policy);
    if (problems.length >= MAX_PROBLEMS) return policies;
  }
  if (problems.length === before) attempt(problems, () => assertSameParts(source, policies.length));
  return policies;
}

function parseAll(sources: readonly PolicySource[], problems: PolicyInvalid[]): readonly LoadedPolicy[] {
  const policies: LoadedPolicy[] = [];
  for (const split of splitAll(sources, problems)) {
    if (problems.length >= MAX_PROBLEMS) break;
    for (const policy of parseSource(split, problems)) policies.push(policy);
  }
  return policies;
}

function byId(
  policies: readonly LoadedPolicy[],
  problems: PolicyInvalid[],
): ReadonlyMap<string, LoadedPolicy> {
  const known = new Map<string, LoadedPolicy>();
  for (const policy of policies) {
    const other = known.get(policy.id);
    if (other === undefined) known.set(policy.id, policy);
    else {
      const where = formatLocation(other);
      problems.push(
        new PolicyInvalid(
          `policy id \`${policy.id}\` is used already at ${where}; ids must be unique`,
          policy,
        ),
      );
    }
  }
  return known;
}

function byPolicy(found: readonly ValidationError[]): ReadonlyMap<string, readonly ValidationError[]> {
  const all = new Map<string, ValidationError[]>();
  for (const one of found) {
    const own = all.get(one.policyId);
    if (own === undefined) all.set(one.policyId, [one]);
    else own.push(one);
  }
  return all;
}

function validateAll(
  policies: ReadonlyMap<string, LoadedPolicy>,
  schema: string,
  names: ReadableNames | undefined,
): readonly PolicyInvalid[] {
  const texts: Record<string, string> = {};
  for (const [id, policy] of policies) texts[id] = policy.text;
  const answer = validate({
    schema,
    policies: { staticPolicies: texts },
    validationSettings: { mode: 'strict' },
  });
  if (answer.type === 'failure') return [new PolicyInvalid(cedarMessage(answer.errors[0]))];
  // A condition that can never apply protects nothing, so a warning refuses the bundle like an error.
  const errors = byPolicy(answer.validationErrors);
  const warnings = byPolicy(answer.validationWarnings);
  const problems: PolicyInvalid[] = [];
  for (const id of new Set([...errors.keys(), ...warnings.keys()])) {
    const policy = policies.get(id);
    const own = errors.get(id) ?? [];
    if (policy === undefined) problems.push(new PolicyInvalid(cedarMessage(own[0]?.error)));
    else for (const one of problemsOfPolicy(policy, own, warnings.get(id) ?? [], names)) problems.push(one);
  }
  for (const other of answer.otherWarnings) problems.push(new PolicyInvalid(cedarMessage(other)));
  return problems;
}

function byPlace(sources: readonly PolicySource[], problems: readonly PolicyInvalid[]): PolicyInvalid[] {
  const order = new Map(sources.map(({ file }, index) => [file, index]));
  const rank = ({ at }: PolicyInvalid): number => (at === undefined ? order.size : (order.get(at.file) ?? 0));
  return problems.toSorted(
    (a, b) =>
      rank(a) - rank(b) || (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0),
  );
}

/**
 * Parses policy files and validates them strictly against a schema.
 *
 * Cost: 0.5 to 1.5 ms a policy.
 *
 * @param names what policies may read under `context.params` and `context.budget`, for the messages
 * @returns every problem: a policy that does not parse or validate, a validation warning, a template, a missing or
 *   repeated `@id`, a malformed annotation, too many, too long or too deeply nested policies
 * @throws StartFailed where cedar is not started
 */
export function readPolicies(
  sources: readonly PolicySource[],
  schema: string,
  names?: ReadableNames,
): ReadPolicies {
  assertCedarStarted();
  const problems: PolicyInvalid[] = [];
  const parsed = attempt(problems, () => parseAll(sources, problems));
  if (parsed === undefined) return { policies: [], problems };
  const known = byId(parsed, problems);
  const all =
    problems.length >= MAX_PROBLEMS ? problems : [...problems, ...validateAll(known, schema, names)];
  return {
    policies: [...known.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    problems: byPlace(sources, all).slice(0, MAX_PROBLEMS),
  };
}

/**
 * As `readPolicies`, for whoever needs the policies.
 *
 * @throws PolicyInvalid with file, line and id: the first problem
 */
export function loadPolicies(
  sources: readonly PolicySource[],
  schema: string,
  names?: ReadableNames,
): readonly LoadedPolicy[] {
  const { policies, problems } = readPolicies(sources, schema, names);
  const [first] = problems;
  if (first !== undefined) throw first;
  return policies;
}
