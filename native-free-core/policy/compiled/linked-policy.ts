import type { BundlePolicy } from '../bundle.ts';
import type { PolicyVerdict } from '../port.ts';
import { NO_IDS } from '../verdict.ts';
import type { LoweredPolicy, ScopeConstraint } from './expr.ts';
import { linkHead, linkPolicy } from './link.ts';
import type { Bucket } from './policy-index.ts';
import { QUERY_ACCESS } from './request-access.ts';
import { AGENT, AGENT_GROUP, HOST_GROUP, type QueryEnv, RESOURCE } from './request-env.ts';
import type { ERROR, Value } from './value.ts';

/** What a policy answers that the compiled engine cannot evaluate. */
export const DECLINED = Symbol('declined');

/** True where the policy is satisfied, false where it is not, DECLINED, or anything else for an evaluation error. */
type Run = (env: QueryEnv) => Value | typeof ERROR | typeof DECLINED;

/** A policy of a bundle as the deciding thread runs it. */
export interface LinkedPolicy {
  /** In the bundle, which is sorted by id. */
  readonly position: number;
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  readonly abort: boolean;
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
  /** Answers for a query that the policy's bucket and classes let through. */
  readonly run: Run;
  /** The verdict where nothing but this policy is satisfied. */
  readonly alone: PolicyVerdict;
}

const ALL: ScopeConstraint = { op: 'all' };

/** What one constraint of a scope asks for, as an index can look it up. */
type Asks = 'nothing' | 'more' | { readonly entity: string } | { readonly group: string };

function asks(constraint: ScopeConstraint, entityType: string, groupType: string): Asks {
  if (constraint.op === 'all') return 'nothing';
  if (constraint.op === 'is') {
    const { type, within } = constraint;
    if (type !== entityType) return 'more';
    return within === undefined ? 'nothing' : asks({ op: 'in', entities: [within] }, entityType, groupType);
  }
  const [named, ...others] = constraint.op === 'in' ? constraint.entities : [constraint.entity];
  if (named === undefined || others.length > 0) return 'more';
  if (named.type === entityType) return { entity: named.id };
  return named.type === groupType && constraint.op === 'in' ? { group: named.id } : 'more';
}

interface Placed {
  readonly bucket: Bucket;
  /** What the bucket and the class leave to be tested. */
  readonly rest: LoweredPolicy;
}

function place(policy: LoweredPolicy): Placed {
  const principal = asks(policy.principal, AGENT, AGENT_GROUP);
  const resource = asks(policy.resource, RESOURCE, HOST_GROUP);
  const rest: LoweredPolicy = {
    ...policy,
    action: ALL,
    principal: principal === 'nothing' ? ALL : policy.principal,
    resource: resource === 'nothing' ? ALL : policy.resource,
  };
  if (typeof principal === 'object' && 'entity' in principal) {
    return { bucket: { kind: 'agent', id: principal.entity }, rest: { ...rest, principal: ALL } };
  }
  if (typeof resource === 'object' && 'entity' in resource) {
    return { bucket: { kind: 'resource', id: resource.entity }, rest: { ...rest, resource: ALL } };
  }
  if (typeof principal === 'object') {
    return { bucket: { kind: 'agentGroup', id: principal.group }, rest: { ...rest, principal: ALL } };
  }
  if (typeof resource === 'object') {
    return { bucket: { kind: 'hostGroup', id: resource.group }, rest: { ...rest, resource: ALL } };
  }
  return { bucket: { kind: 'any' }, rest };
}

/** Nothing of the scope is left to an index: every query meets the policy. */
function placeNowhere(rest: LoweredPolicy): Placed {
  return { bucket: { kind: 'any' }, rest };
}

const decline = (): typeof DECLINED => DECLINED;

/** A policy and where an index keeps it. */
export interface Placement {
  readonly policy: LinkedPolicy;
  readonly bucket: Bucket;
}

/**
 * Makes a policy of a bundle ready to run.
 *
 * @param indexed false leaves the whole scope to the policy and the index nothing
 */
export function linkBundlePolicy(policy: BundlePolicy, position: number, indexed: boolean): Placement {
  const { id, effect, abort, reason, remedy, lowered } = policy;
  const isDeclined = 'declined' in lowered;
  const whole = isDeclined ? lowered.scope : lowered;
  const placed = whole === undefined ? undefined : (indexed ? place : placeNowhere)(whole);
  const run =
    placed === undefined
      ? decline
      : isDeclined
        ? linkHead(placed.rest, QUERY_ACCESS, decline)
        : linkPolicy(placed.rest, QUERY_ACCESS);
  const alone: PolicyVerdict = Object.freeze({
    allowed: effect === 'permit',
    determining: Object.freeze([id]),
    errored: NO_IDS,
    abort,
    reason,
    remedy,
  });
  return {
    policy: { position, id, effect, abort, reason, remedy, run, alone },
    bucket: placed?.bucket ?? { kind: 'any' },
  };
}
