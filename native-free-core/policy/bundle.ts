import { policyToJson } from '@cedar-policy/cedar-wasm/web';
import type { PolicyInvalid } from '../errors.ts';
import type { ClassSet } from '../registry/classes.ts';
import { loadingPolicies } from './cedar-failure.ts';
import type { LoweredPolicy } from './compiled/expr.ts';
import { lowerPolicy } from './compiled/lower.ts';
import { splitLongs } from './compiled/split-longs.ts';
import { type LoadedPolicy, loadPolicies, readPolicies } from './load.ts';
import type { ReadableNames } from './load-problems.ts';
import type { PolicySource } from './port.ts';
import { readsOfPolicy } from './reads.ts';
import type { ParamType } from '../registry/param-type.ts';
import { generateSchema, paramTypes, type SchemaInputs } from './schema.ts';
import { actionScope } from './slices.ts';

/** A policy that the compiled engine leaves to the reference engine. */
export interface Declined {
  readonly declined: string;
  /** The policy without its conditions: which queries it concerns. Undefined where that is declined too. */
  readonly scope: LoweredPolicy | undefined;
}

/** One policy of a bundle. Plain data. */
export interface BundlePolicy {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  /** Cedar, as it stands in its file. */
  readonly text: string;
  readonly file: string;
  readonly line: number;
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
  /** `@outcome("abort")` */
  readonly abort: boolean;
  /** The classes its action scope admits. */
  readonly classes: ClassSet;
  /** What it looks at (`READS`). */
  readonly reads: number;
  /** What the compiled engine links. */
  readonly lowered: LoweredPolicy | Declined;
}

/** What a bundle's digest is over: the same schema and policies give the same value, however they are spread over files. */
export interface CanonicalBundle {
  readonly schema: string;
  readonly policies: readonly { readonly id: string; readonly text: string }[];
}

/** A set of policies that parsed and validated, ready for an engine. Plain data: it can be posted to a thread. */
export interface Bundle {
  /** Sorted by id. */
  readonly policies: readonly BundlePolicy[];
  readonly params: ReadonlyMap<string, ParamType>;
  readonly budgets: ReadonlySet<string>;
  readonly canonical: CanonicalBundle;
}

function lower({ json, text }: LoadedPolicy): LoweredPolicy | Declined {
  let lowered = lowerPolicy(json);
  if ('declined' in lowered) {
    const withoutLongs = splitLongs(text);
    const answer = withoutLongs === text ? undefined : policyToJson(withoutLongs);
    if (answer?.type === 'success') lowered = lowerPolicy(answer.json);
  }
  if (!('declined' in lowered)) return lowered;
  const scope = lowerPolicy({ ...json, conditions: [] });
  return { declined: lowered.declined, scope: 'declined' in scope ? undefined : scope };
}

function toBundlePolicy(policy: LoadedPolicy): BundlePolicy {
  const scope = actionScope(policy.json);
  return {
    id: policy.id,
    effect: policy.json.effect,
    text: policy.text,
    file: policy.file,
    line: policy.line,
    reason: policy.reason,
    remedy: policy.remedy,
    abort: policy.abort,
    classes: scope.classes,
    reads: scope.reads | readsOfPolicy(policy.json),
    lowered: lower(policy),
  };
}

function readableNames(inputs: SchemaInputs): ReadableNames {
  return { params: [...paramTypes(inputs).keys()], budget: inputs.budgets };
}

/**
 * Loads policies for stage 2.
 *
 * @throws PolicyInvalid see `loadPolicies`; nothing is loaded then
 */
export function loadBundle(sources: readonly PolicySource[], inputs: SchemaInputs): Bundle {
  const schema = generateSchema(inputs);
  const policies = loadingPolicies(() =>
    loadPolicies(sources, schema, readableNames(inputs)).map(toBundlePolicy),
  );
  return {
    policies,
    params: paramTypes(inputs),
    budgets: new Set(inputs.budgets),
    canonical: { schema, policies: policies.map(({ id, text }) => ({ id, text })) },
  };
}

/**
 * Everything that stops `loadBundle`, by place, at most 50; empty where it loads.
 *
 * @throws PolicyInvalid where a fact or a budget has a name that cannot be written in Cedar
 */
export function policyProblems(
  sources: readonly PolicySource[],
  inputs: SchemaInputs,
): readonly PolicyInvalid[] {
  return loadingPolicies(() => readPolicies(sources, generateSchema(inputs), readableNames(inputs)).problems);
}
