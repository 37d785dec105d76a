import { type AuthorizationAnswer, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/web';
import type { Bundle, BundlePolicy } from './bundle.ts';
import { assertCedarStarted } from './cedar.ts';
import { contextIsExact } from './context.ts';
import { isQueryExact } from './exact-query.ts';
import type { PolicyEngine, PolicyQuery, PolicyVerdict } from './port.ts';
import { PreparsedSets } from './preparsed.ts';
import { actionUidOf, cedarContext, cedarEntities, principalUid, resourceUid } from './request.ts';
import { type Slice, Slices } from './slices.ts';
import { CONTEXT_ERRORED, denied, determinedBy, ENGINE_ERRORED, NO_PERMIT } from './verdict.ts';

/** Of all slices together, in one engine: some 80 MB. */
const MAX_PREPARSED = 20_000;

function toVerdict(answer: AuthorizationAnswer, policies: ReadonlyMap<string, BundlePolicy>): PolicyVerdict {
  if (answer.type === 'failure') return ENGINE_ERRORED;
  const { decision, diagnostics } = answer.response;
  const errored: string[] = [];
  for (const { policyId } of diagnostics.errors) errored.push(policyId);
  errored.sort();
  const allowed = decision === 'allow';
  // Cedar skips a policy whose evaluation errors, even a forbid, and may still allow (invariant 5). What permitted
  // then determines nothing; a satisfied forbid is listed beside an error.
  if (errored.length > 0 && (allowed || diagnostics.reason.length === 0)) return denied(errored);
  const determining: BundlePolicy[] = [];
  for (const id of diagnostics.reason.sort()) {
    const policy = policies.get(id);
    if (policy === undefined) return ENGINE_ERRORED;
    determining.push(policy);
  }
  return determining.length === 0 ? NO_PERMIT : determinedBy(allowed, determining, errored);
}

export interface ReferenceOptions {
  /** Most policies that are held parsed, unless one slice has more; 20,000 by default. */
  readonly maxPreparsed?: number;
}

/**
 * Stage 2 by cedar-wasm: the engine that the others are tested against. It decides with one bundle; another bundle gets
 * another engine.
 *
 * Policies are sliced by action, so a call pays for the policies that can apply to it; only what a slice reads crosses
 * into WebAssembly. The schema does not take part in a call: the context is built here to its shape, and having Cedar
 * check that again doubles the cost.
 *
 * Cost: a slice is parsed when it is first asked, a tenth to a quarter of a millisecond a policy, and the thread that asks
 * waits for it. The slice that was parsed first makes room where too much is held.
 */
export class ReferenceEngine implements PolicyEngine {
  readonly name = 'reference';
  readonly #bundle: Bundle;
  readonly #policies: ReadonlyMap<string, BundlePolicy>;
  readonly #slices: Slices;
  readonly #maxPreparsed: number;
  readonly #sets = new PreparsedSets();
  /** Names of the sets, the oldest first; undefined where cedar did not take one. */
  readonly #held = new Map<Slice, string | undefined>();
  #heldPolicies = 0;
  #closed = false;

  /** @throws StartFailed where cedar is not started in this thread */
  constructor(bundle: Bundle, { maxPreparsed = MAX_PREPARSED }: ReferenceOptions = {}) {
    assertCedarStarted();
    this.#bundle = bundle;
    this.#policies = new Map(bundle.policies.map((policy) => [policy.id, policy]));
    this.#slices = new Slices(bundle.policies);
    this.#maxPreparsed = maxPreparsed;
  }

  evaluate(query: PolicyQuery): PolicyVerdict {
    if (this.#closed) return ENGINE_ERRORED;
    try {
      if (!contextIsExact(query.context, this.#bundle.params, this.#bundle.budgets)) return CONTEXT_ERRORED;
      const slice = this.#slices.of(query.action.index);
      if (slice.members.length === 0) return NO_PERMIT;
      if (!isQueryExact(query, slice.reads)) return ENGINE_ERRORED;
      const setId = this.#setOf(slice);
      if (setId === undefined) return ENGINE_ERRORED;
      const answer = statefulIsAuthorized({
        principal: principalUid(query.principal.id),
        action: actionUidOf(query.action),
        resource: resourceUid(query.resource.uid),
        context: cedarContext(query.context, slice.reads),
        entities: cedarEntities(query, slice.reads),
        preparsedPolicySetId: setId,
      });
      return toVerdict(answer, this.#policies);
    } catch {
      // A trap in WebAssembly: nothing is known about this call, so it is denied.
      return ENGINE_ERRORED;
    }
  }

  /** Gives back what cedar-wasm holds for this engine; every later call is denied. */
  close(): void {
    this.#closed = true;
    this.#sets.close();
  }

  #setOf(slice: Slice): string | undefined {
    if (this.#held.has(slice)) return this.#held.get(slice);
    this.#makeRoom(slice.members.length);
    // What fails to parse is not parsed again with every call.
    this.#held.set(slice, undefined);
    this.#heldPolicies += slice.members.length;
    const texts: Record<string, string> = {};
    for (const position of slice.members) {
      const policy = this.#bundle.policies[position];
      if (policy !== undefined) texts[policy.id] = policy.text;
    }
    const setId = this.#sets.add(texts);
    this.#held.set(slice, setId);
    return setId;
  }

  #makeRoom(policies: number): void {
    for (const [slice, setId] of this.#held) {
      if (this.#heldPolicies + policies <= this.#maxPreparsed) return;
      this.#held.delete(slice);
      this.#heldPolicies -= slice.members.length;
      if (setId !== undefined) this.#sets.drop(setId);
    }
  }
}
