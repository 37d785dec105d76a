import type { ParamType } from '../../registry/param-type.ts';
import { ACTION_CLASSES, type ActionClassInfo, type ClassSet, classSet } from '../../registry/classes.ts';
import type { Bundle } from '../bundle.ts';
import { contextIsExact } from '../context.ts';
import { isQueryExact } from '../exact-query.ts';
import type { PolicyEngine, PolicyQuery, PolicyVerdict } from '../port.ts';
import { type LinkedPolicy, linkBundlePolicy } from './linked-policy.ts';
import { PolicyIndex } from './policy-index.ts';
import { QueryEnv, QuerySets } from './request-env.ts';
import { CONTEXT_ERRORED, ENGINE_ERRORED, NO_PERMIT, Tally } from './verdict.ts';

/** A bundle as closures: what a thread decides with. It cannot be posted to another one. */
export interface LinkedBundle {
  readonly index: PolicyIndex<LinkedPolicy>;
  readonly params: ReadonlyMap<string, ParamType>;
  readonly budgets: ReadonlySet<string>;
}

export interface LinkOptions {
  /** False: every query meets every policy. Answers are the same. */
  readonly indexed?: boolean;
}

const EVERY_CLASS: ClassSet = classSet(ACTION_CLASSES);
const POLICIES_A_STEP = 16;

/** Links a bundle, a few policies a step. */
export function* linkSteps(
  bundle: Bundle,
  { indexed = true }: LinkOptions = {},
): Generator<undefined, LinkedBundle, undefined> {
  const index = new PolicyIndex<LinkedPolicy>();
  for (const [position, policy] of bundle.policies.entries()) {
    const linked = linkBundlePolicy(policy, position, indexed);
    index.add(linked.policy, indexed ? policy.classes : EVERY_CLASS, linked.bucket, policy.reads);
    if (position % POLICIES_A_STEP === POLICIES_A_STEP - 1) yield undefined;
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
 * query and not on how many there are.
 *
 * A query that meets a policy which was declined when the bundle was made, or holds text that Cedar does not take, is
 * answered by the reference engine; `declinedAnswers` counts them.
 */
export class CompiledEngine implements PolicyEngine {
  readonly name = 'compiled';
  /** How many queries the reference engine answered in place of this one. */
  declinedAnswers = 0;
  /** By index of the class: 1 where the reference engine answers until the next bundle. */
  #distrusted = new Uint8Array(ACTION_CLASSES.length);
  #tally = new Tally();
  readonly #sets = new QuerySets();
  #reference: PolicyEngine;
  #linked: LinkedBundle | undefined;

  /** @param reference holds the same bundle whenever this engine is asked */
  constructor(reference: PolicyEngine, bundle?: Bundle) {
    this.#reference = reference;
    if (bundle !== undefined) this.load(bundle);
  }

  /** Links a bundle at once and puts it in force; `loadSteps` spreads that. */
  load(bundle: Bundle, reference?: PolicyEngine): void {
    this.use(linkBundle(bundle), reference);
  }

  /**
   * Links a bundle in steps of a fraction of a millisecond and puts it in force with the last one; the bundle before it
   * answers until then. So that the thread can go on deciding, call `next` until 2 ms have passed, then let the event
   * loop turn.
   *
   * @param reference answers for the new bundle, where it is another engine than before
   */
  *loadSteps(bundle: Bundle, reference?: PolicyEngine): Generator<undefined, void, undefined> {
    this.use(yield* linkSteps(bundle), reference);
  }

  /** Puts a linked bundle in force. */
  use(linked: LinkedBundle, reference: PolicyEngine = this.#reference): void {
    // The one before it still refers to policies of the bundle before.
    this.#tally = new Tally();
    this.#distrusted = new Uint8Array(ACTION_CLASSES.length);
    this.#linked = linked;
    this.#reference = reference;
  }

  /** Hands every query of a class to the reference engine, until a bundle is put in force. */
  distrust(action: ActionClassInfo): void {
    this.#distrusted[action.index] = 1;
  }

  evaluate(query: PolicyQuery): PolicyVerdict | Promise<PolicyVerdict> {
    const linked = this.#linked;
    if (linked === undefined) return ENGINE_ERRORED;
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
