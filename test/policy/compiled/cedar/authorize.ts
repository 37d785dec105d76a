import type { Access, Entities, Evaluator } from '../../../../native-free-core/policy/compiled/access.ts';
import type { CedarRecord, EntityUid } from '../../../../native-free-core/policy/compiled/value.ts';

/** A request of any schema. */
export interface AuthorizationRequest {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly context: CedarRecord;
  readonly entities: Entities;
}

export const REQUEST_ACCESS: Access<AuthorizationRequest> = {
  variable: (name) => (request) => request[name],
  entities: (request) => request.entities,
};

export interface LinkedPolicy<E> {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly evaluate: Evaluator<E>;
}

/** Cedar's answer. Ids stand in the order of the policies. */
export interface Authorization {
  readonly allowed: boolean;
  /** The permits that allowed, or the forbids that denied. */
  readonly determining: readonly string[];
  /** Policies whose evaluation errored. Cedar goes on without them, also without a forbid. */
  readonly errored: readonly string[];
}

/** Cedar's authorizer: a satisfied forbid denies, else a satisfied permit allows. */
export function authorize<E>(policies: Iterable<LinkedPolicy<E>>, env: E): Authorization {
  const permits: string[] = [];
  const forbids: string[] = [];
  const errored: string[] = [];
  for (const { id, effect, evaluate } of policies) {
    const answer = evaluate(env);
    if (answer === true) (effect === 'permit' ? permits : forbids).push(id);
    else if (answer !== false) errored.push(id);
  }
  if (forbids.length > 0) return { allowed: false, determining: forbids, errored };
  return { allowed: permits.length > 0, determining: permits, errored };
}
