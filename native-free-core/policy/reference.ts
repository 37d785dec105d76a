import { type AuthorizationAnswer, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/web';
import type { Bundle, BundlePolicy } from './bundle.ts';
import { assertCedarStarted } from './cedar.ts';
import { contextIsExact } from './context.ts';
import { isQueryExact } from './exact-query.ts';
import type { PolicyEngine, PolicyQuery, PolicyVerdict } from './port.ts';
import { PreparsedSets } from './preparsed.ts';
import { actionUidOf, cedarContext, cedarEntities, principalUid, resourceUid } from './request.ts';
import { slicePolicies } from './slices.ts';

/** In `errored`, in place of a policy's id: the context holds what Cedar cannot be asked about exactly. */
export const CONTEXT_ERROR = '<context>';
/** In `errored`, in place of a policy's id: the engine itself failed, or has no bundle. */
export const ENGINE_ERROR = '<engine>';

function denied(errored: readonly string[]): PolicyVerdict {
  return { allowed: false, determining: [], errored, abort: false, reason: undefined, remedy: undefined };
}

const NO_PERMIT: PolicyVerdict = Object.freeze(denied([]));
const CONTEXT_ERRORED: PolicyVerdict = Object.freeze(denied([CONTEXT_ERROR]));
const ENGINE_ERRORED: PolicyVerdict = Object.freeze(denied([ENGINE_ERROR]));

interface PreparsedSlice {
  readonly setId: string;
  readonly reads: number;
}

interface Loaded {
  readonly bundle: Bundle;
  readonly policies: ReadonlyMap<string, BundlePolicy>;
  /** By index of the class; undefined where no policy can apply. */
  readonly byClass: readonly (PreparsedSlice | undefined)[];
}

function toVerdict(answer: AuthorizationAnswer, policies: ReadonlyMap<string, BundlePolicy>): PolicyVerdict {
  if (answer.type === 'failure') return ENGINE_ERRORED;
  const { decision, diagnostics } = answer.response;
  const determining = diagnostics.reason.sort();
  const errored: string[] = [];
  for (const { policyId } of diagnostics.errors) errored.push(policyId);
  errored.sort();
  // Cedar skips a policy whose evaluation errors, even a forbid, and may still allow (invariant 5). What permitted
  // then determines nothing; a satisfied forbid is listed beside an error.
  if (decision === 'allow' && errored.length > 0) return denied(errored);
  let abort = false;
  let speaker: BundlePolicy | undefined;
  for (const id of determining) {
    const policy = policies.get(id);
    if (policy === undefined) return ENGINE_ERRORED;
    if (policy.abort) abort = true;
    if (speaker === undefined && (policy.reason !== undefined || policy.remedy !== undefined))
      speaker = policy;
  }
  return {
    allowed: decision === 'allow',
    determining,
    errored,
    abort,
    reason: speaker?.reason,
    remedy: speaker?.remedy,
  };
}

/**
 * Stage 2 by cedar-wasm: the engine that the others are tested against.
 *
 * Policies are sliced by action when a bundle loads, so a call pays for the policies that can apply to it; only what a
 * slice reads crosses into WebAssembly. The schema does not take part in a call: the context is built here to its shape,
 * and having Cedar check that again doubles the cost.
 */
export class ReferenceEngine implements PolicyEngine {
  readonly name = 'reference';
  readonly #sets = new PreparsedSets();
  #loaded: Loaded | undefined;

  /** @throws StartFailed where cedar is not started in this thread */
  constructor(bundle?: Bundle) {
    assertCedarStarted();
    if (bundle !== undefined) this.load(bundle);
  }

  /**
   * Puts a bundle in force. Where that fails the one before it stays.
   *
   * @throws PolicyInvalid where cedar does not take a policy that it took when the bundle was made
   */
  load(bundle: Bundle): void {
    const { slices, byClass } = slicePolicies(bundle.policies);
    const texts = slices.map((slice) => {
      const members: Record<string, string> = {};
      for (const position of slice.members) {
        const policy = bundle.policies[position];
        if (policy !== undefined) members[policy.id] = policy.text;
      }
      return members;
    });
    const setIds = this.#sets.load(texts);
    const preparsed = slices.map((slice, index) => ({ setId: setIds[index] ?? '', reads: slice.reads }));
    this.#loaded = {
      bundle,
      policies: new Map(bundle.policies.map((policy) => [policy.id, policy])),
      byClass: Array.from(byClass, (index) => preparsed[index]),
    };
  }

  evaluate(query: PolicyQuery): PolicyVerdict {
    const loaded = this.#loaded;
    if (loaded === undefined) return ENGINE_ERRORED;
    try {
      if (!contextIsExact(query.context, loaded.bundle.params, loaded.bundle.budgets)) return CONTEXT_ERRORED;
      const slice = loaded.byClass[query.action.index];
      if (slice === undefined) return NO_PERMIT;
      if (!isQueryExact(query, slice.reads)) return ENGINE_ERRORED;
      const answer = statefulIsAuthorized({
        principal: principalUid(query.principal.id),
        action: actionUidOf(query.action),
        resource: resourceUid(query.resource.uid),
        context: cedarContext(query.context, slice.reads),
        entities: cedarEntities(query, slice.reads),
        preparsedPolicySetId: slice.setId,
      });
      return toVerdict(answer, loaded.policies);
    } catch {
      // A trap in WebAssembly: nothing is known about this call, so it is denied.
      return ENGINE_ERRORED;
    }
  }

  /** Gives back what cedar-wasm holds for this engine; every later call is denied. */
  close(): void {
    this.#loaded = undefined;
    this.#sets.close();
  }
}
