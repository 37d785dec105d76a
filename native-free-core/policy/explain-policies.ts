import { type AuthorizationAnswer, isAuthorized } from '@cedar-policy/cedar-wasm/web';
import type { Bundle, BundlePolicy } from './bundle.ts';
import { assertCedarStarted } from './cedar.ts';
import { linkScope } from './compiled/link.ts';
import { QUERY_ACCESS } from './compiled/request-access.ts';
import { QueryEnv } from './compiled/request-env.ts';
import type { PolicyQuery } from './port.ts';
import { READS_ALL } from './reads.ts';
import { actionUidOf, cedarContext, cedarEntities, principalUid, resourceUid } from './request.ts';

export type ScopePart = 'principal' | 'action' | 'resource';

/** What one policy makes of one query. */
export interface PolicyFinding {
  readonly policy: BundlePolicy;
  /** `unsatisfied`: its scope admits the call and its condition is false. `unknown`: Cedar gave no answer. */
  readonly outcome: 'satisfied' | 'unsatisfied' | 'errored' | 'out-of-scope' | 'unknown';
  /** The parts of the scope that do not match. */
  readonly unmatched: readonly ScopePart[];
  /** What Cedar says of the error. */
  readonly error: string | undefined;
}

const PARTS: readonly ScopePart[] = ['principal', 'action', 'resource'];

function unmatchedParts({ lowered }: BundlePolicy, env: QueryEnv): readonly ScopePart[] {
  const scope = 'declined' in lowered ? lowered.scope : lowered;
  if (scope === undefined) return [];
  return PARTS.filter((part) => linkScope(part, scope[part], QUERY_ACCESS)?.(env) === false);
}

function ask({ id, text }: BundlePolicy, query: PolicyQuery): AuthorizationAnswer {
  return isAuthorized({
    principal: principalUid(query.principal.id),
    action: actionUidOf(query.action),
    resource: resourceUid(query.resource.uid),
    context: cedarContext(query.context, READS_ALL),
    entities: cedarEntities(query, READS_ALL),
    policies: { staticPolicies: { [id]: text } },
  });
}

function explainPolicy(policy: BundlePolicy, query: PolicyQuery, env: QueryEnv): PolicyFinding {
  const unmatched = unmatchedParts(policy, env);
  const found = (outcome: PolicyFinding['outcome'], error?: string): PolicyFinding => ({
    policy,
    outcome,
    unmatched,
    error,
  });
  if (unmatched.length > 0) return found('out-of-scope');
  const answer = ask(policy, query);
  if (answer.type === 'failure') return found('unknown', answer.errors[0]?.message);
  const { reason, errors } = answer.response.diagnostics;
  const [first] = errors;
  if (first !== undefined) return found('errored', first.error.message);
  return found(reason.length > 0 ? 'satisfied' : 'unsatisfied');
}

/**
 * Says of every policy of a bundle whether it applies to a query, each asked of cedar-wasm by itself.
 *
 * Cost: about half a millisecond for each policy whose scope admits the query.
 *
 * @returns in the order of the bundle
 * @throws StartFailed where cedar is not started
 */
export function explainPolicies({ policies }: Bundle, query: PolicyQuery): readonly PolicyFinding[] {
  assertCedarStarted();
  const env = new QueryEnv(query);
  return policies.map((policy) => explainPolicy(policy, query, env));
}
