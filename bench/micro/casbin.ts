import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Bundle, BundlePolicy, PolicyQuery } from '@firma/core';
import { shippedPath } from '../../src/config/package-root.ts';

// What is false most often and costs least comes first: casbin looks at every policy until one denies.
const MODEL = `
[request_definition]
r = sub, act
[policy_definition]
p = sub, act, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = (r.act == p.act || p.act == "*") && (r.sub == p.sub || p.sub == "*" || g(r.sub, p.sub))
`;
const ANY = '*';

type Lowered = Exclude<BundlePolicy['lowered'], { readonly declined: unknown }>;

/** The part of casbin that is used. */
interface Enforcer {
  addPolicies(rules: readonly (readonly string[])[]): Promise<boolean>;
  addGroupingPolicies(rules: readonly (readonly string[])[]): Promise<boolean>;
  enforceSync(subject: string, action: string): boolean;
}

interface Casbin {
  newModelFromString(text: string): object;
  newEnforcer(model: object): Promise<Enforcer>;
}

export interface CasbinRequest {
  readonly subject: string;
  readonly action: string;
}

/** What is timed for one query. */
export type Enforce = (request: CasbinRequest) => boolean;

export function casbinRequest({ principal, action }: PolicyQuery): CasbinRequest {
  return { subject: entityName('Firma::Agent', principal.id), action: action.name };
}

/**
 * The part of a bundle that the model above can express: policies that name an agent or a group, an action, both or
 * neither, and nothing else. Conditions are left out, though casbin has `eval` for them: it expands that anew for every
 * policy of every query, so all policies would cost more.
 */
export function ofCasbin(bundle: Bundle): Bundle {
  return { ...bundle, policies: bundle.policies.filter((policy) => ruleOf(policy) !== undefined) };
}

/**
 * casbin with what it can express of a bundle, and with the groups of the agents that will ask.
 *
 * @returns undefined where it is not installed (`npm ci --prefix bench/peers`)
 */
export async function startCasbin(
  { policies }: Bundle,
  queries: readonly PolicyQuery[],
): Promise<Enforce | undefined> {
  if (!existsSync(shippedPath('bench/peers/node_modules/casbin/package.json'))) return undefined;
  const casbin: Casbin = createRequire(shippedPath('bench/peers/package.json'))('casbin');
  const enforcer = await casbin.newEnforcer(casbin.newModelFromString(MODEL));
  const groups = queries.flatMap(({ principal }) =>
    principal.groups.map((group) => [
      entityName('Firma::Agent', principal.id),
      entityName('Firma::AgentGroup', group),
    ]),
  );
  const rules = policies.map(ruleOf).filter((rule) => rule !== undefined);
  const added =
    (await enforcer.addPolicies(distinct(rules))) && (await enforcer.addGroupingPolicies(distinct(groups)));
  if (!added) throw new Error('casbin does not take the policies');
  return ({ subject, action }) => enforcer.enforceSync(subject, action);
}

/** casbin takes nothing where two rules are the same. */
function distinct(rules: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...new Map(rules.map((rule) => [rule.join('\n'), rule])).values()];
}

/** @returns undefined where the model cannot express the policy */
function ruleOf({ lowered }: BundlePolicy): readonly string[] | undefined {
  if ('declined' in lowered || lowered.condition !== undefined || lowered.resource.op !== 'all') {
    return undefined;
  }
  const subject = subjectOf(lowered.principal);
  const { action } = lowered;
  if (subject === undefined || (action.op !== 'all' && action.op !== '==')) return undefined;
  const eft = lowered.effect === 'permit' ? 'allow' : 'deny';
  return [subject, action.op === 'all' ? ANY : action.entity.id, eft];
}

function subjectOf(principal: Lowered['principal']): string | undefined {
  if (principal.op === 'all') return ANY;
  if (principal.op === 'is') return undefined;
  const [entity, ...others] = principal.op === '==' ? [principal.entity] : principal.entities;
  return entity === undefined || others.length > 0 ? undefined : entityName(entity.type, entity.id);
}

function entityName(type: string, id: string): string {
  return `${type}::${id}`;
}
