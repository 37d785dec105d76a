import type { ParamType } from '../../registry/param-type.ts';
import { ACTION_CLASSES, type ActionClassInfo, type ClassSet, classSet } from '../../registry/classes.ts';
import type { Bundle, BundlePolicy } from '../bundle.ts';
import { contextIsExact } from '../context.ts';
import { isQueryExact } from '../exact-query.ts';
import type { PolicyEngine, PolicyQuery, PolicyVerdict } from '../port.ts';
import { CONTEXT_ERRORED, ENGINE_ERRORED, NO_PERMIT } from '../verdict.ts';
import { type LinkedPolicy, linkBundlePolicy } from './linked-policy.ts';
import { PolicyIndex } from './policy-index.ts';
import { QueryEnv, QuerySets } from './request-env.ts';
import { Tally } from './verdict.ts';

/** A bundle as closures: what a thread decides with. It cannot be posted to another one. */
export interface LinkedBundle {
  readonly index: PolicyIndex<LinkedPolicy>;
  readonly params: ReadonlyMap<string, ParamType>;
  readonly budgets: ReadonlySet<string>;
}

/** A bundle whose policies need not all be there at once. */
export interface LinkableBundle extends Pick<Bundle, 'params' | 'budgets'> {
  /** Sorted by id. */
  readonly policies: Iterable<BundlePolicy>;
}

export interface LinkOptions {
  /** False: every query meets every policy. Answers are the same. */
  readonly indexed?: boolean;
}

const EVERY_CLASS: ClassSet = classSet(ACTION_CLASSES);
const POLICIES_A_STEP = 16;

/**
 * Links a bundle in steps of a fraction of a millisecond. So that the thread can go on deciding, call `next` until 2 ms
 * have passed, then let the event loop turn.
 */
export function* linkSteps(
  bundle: LinkableBundle,
  { indexed = true }: LinkOptions = {},
): Generator<undefined, LinkedBundle, undefined> {
  const index = new PolicyIndex<LinkedPolicy>();
  let position = 0;
  for (const policy of bundle.policies) {
    const linked = linkBundlePolicy(policy, position, indexed);
    index.add(linked.policy, indexed ? policy.classes : EVERY_CLASS, linked.bucket, policy.reads);
    position += 1;
    if (position % POLICIES_A_STEP === 0) yield undefined;
  }
  return { index, params: bundle.params, budgets: bundle.budgets };
}

/** `linkSteps` in one go. */
export function linkBundle(bundle: Bundle, options?: LinkOptions): LinkedBundle {
  const steps = linkSteps(bundle, options);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

/**
 * Stage 2 by closures: the answers of `ReferenceEngine`, at a cost that depends on the policies that can apply to a
 * query and not on how many there are. It decides with one bundle; another bundle gets another engine.
 *
 * A query that meets a policy which was declined when the bundle was made, or holds text that Cedar does not take, is
 * answered by the reference engine; `declinedAnswers` counts them.
 */
export class CompiledEngine implements PolicyEngine {
  readonly name = 'compiled';
  /** How many queries the reference engine answered in place of this one. */
  declinedAnswers = 0;
  /** By index of the class: 1 where the reference engine answers. */
  readonly #distrusted = new Uint8Array(ACTION_CLASSES.length);
  readonly #tally = new Tally();
  readonly #sets = new QuerySets();
  readonly #reference: PolicyEngine;
  readonly #linked: LinkedBundle;

  /** @param reference decides with the same bundle */
  constructor(reference: PolicyEngine, linked: LinkedBundle) {
    this.#reference = reference;
    this.#linked = linked;
  }

  /** Hands every query of a class to the reference engine from now on. */
  distrust(action: ActionClassInfo): void {
    this.#distrusted[action.index] = 1;
  }

  evaluate(query: PolicyQuery): PolicyVerdict | Promise<PolicyVerdict> {
    const linked = this.#linked;
    try {
      if (!contextIsExact(query.context, linked.params, linked.budgets)) return CONTEXT_ERRORED;
      const reads = linked.index.reads(query.action.index);
      if (reads === undefined) return NO_PERMIT;
      const isOurs = this.#distrusted[query.action.index] === 0 && isQueryExact(query, reads);
      return (isOurs ? this.#run(query, linked) : undefined) ?? this.#askReference(query);
    } catch {
      // Nothing is known about this call, so it is denied.
      return ENGINE_ERRORED;
    }
  }

  #run(query: PolicyQuery, { index }: LinkedBundle): PolicyVerdict | undefined {
    const tally = this.#tally;
    tally.begin(new QueryEnv(query, this.#sets));
    index.visit(query, tally);
    return tally.end();
  }

  #askReference(query: PolicyQuery): PolicyVerdict | Promise<PolicyVerdict> {
    this.declinedAnswers += 1;
    const verdict = this.#reference.evaluate(query);
    return verdict instanceof Promise ? verdict.catch(() => ENGINE_ERRORED) : verdict;
  }
}
