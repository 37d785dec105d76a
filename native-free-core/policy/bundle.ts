import type { ClassSet } from '../registry/classes.ts';
import { type LoadedPolicy, loadPolicies } from './load.ts';
import type { PolicySource } from './port.ts';
import { readsOfPolicy } from './reads.ts';
import type { ParamType } from '../registry/param-type.ts';
import { generateSchema, paramTypes, type SchemaInputs } from './schema.ts';
import { actionScope } from './slices.ts';

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
  };
}

/**
 * Loads policies for stage 2.
 *
 * @throws PolicyInvalid see `loadPolicies`; nothing is loaded then
 */
export function loadBundle(sources: readonly PolicySource[], inputs: SchemaInputs): Bundle {
  const schema = generateSchema(inputs);
  const policies = loadPolicies(sources, schema).map(toBundlePolicy);
  return {
    policies,
    params: paramTypes(inputs),
    budgets: new Set(inputs.budgets),
    canonical: { schema, policies: policies.map(({ id, text }) => ({ id, text })) },
  };
}
