import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { isRecord, nodeOf, operands } from './expression.ts';

/**
 * What a policy can look at, as bits: only that has to cross into WebAssembly.
 *
 * Handing Cedar the whole context and all entities costs some 400 µs a call, ten times what deciding takes, because it
 * parses every entity reference with its full grammar. An attribute no policy names cannot change an answer.
 */
export const READS = {
  session_id: 1 << 0,
  session_age_s: 1 << 1,
  session_calls: 1 << 2,
  session_denies: 1 << 3,
  session_classes: 1 << 4,
  session_tools: 1 << 5,
  session_hosts: 1 << 6,
  session_injected: 1 << 7,
  session_last_class: 1 << 8,
  budget: 1 << 9,
  request_method: 1 << 10,
  request_scheme: 1 << 11,
  request_transport: 1 << 12,
  request_body_bytes: 1 << 13,
  request_query_present: 1 << 14,
  time_now: 1 << 15,
  time_hour_utc: 1 << 16,
  time_weekday_utc: 1 << 17,
  capability_actions: 1 << 18,
  capability_scope: 1 << 19,
  capability_age_s: 1 << 20,
  capability_ttl_s: 1 << 21,
  params: 1 << 22,
  /** The groups of the principal. */
  principal: 1 << 23,
  /** The attributes of the resource. */
  resource: 1 << 24,
  /** The host groups of the resource. */
  resource_groups: 1 << 25,
  /** The category of the request's action. */
  action: 1 << 26,
  /** The categories of all actions. */
  all_actions: 1 << 27,
} as const;

function sectionMask(section: string): number {
  let mask = 0;
  for (const [name, bit] of Object.entries(READS)) {
    if (name === section || name.startsWith(`${section}_`)) mask |= bit;
  }
  return mask;
}

/** Every bit of a section of the context. */
export const SECTIONS = {
  session: sectionMask('session'),
  budget: READS.budget,
  request: sectionMask('request'),
  time: sectionMask('time'),
  capability: sectionMask('capability'),
  params: READS.params,
} as const;

export const ALL_CONTEXT =
  SECTIONS.session |
  SECTIONS.budget |
  SECTIONS.request |
  SECTIONS.time |
  SECTIONS.capability |
  SECTIONS.params;
export const ALL_ENTITIES =
  READS.principal | READS.resource | READS.resource_groups | READS.action | READS.all_actions;
export const READS_ALL = ALL_CONTEXT | ALL_ENTITIES;

const SECTION_OF: ReadonlyMap<string, number> = new Map(Object.entries(SECTIONS));
const BIT_OF: ReadonlyMap<string, number> = new Map(Object.entries(READS));

/** The variable and the attribute names of `context.session.calls`; undefined for any other expression. */
function pathOf(expr: unknown): readonly string[] | undefined {
  const names: string[] = [];
  let node = nodeOf(expr);
  while (node !== undefined && node.op === '.' && isRecord(node.body)) {
    const { left, attr } = node.body;
    if (typeof attr !== 'string') return undefined;
    names.push(attr);
    node = nodeOf(left);
  }
  if (node === undefined || node.op !== 'Var' || typeof node.body !== 'string') return undefined;
  names.push(node.body);
  return names.toReversed();
}

/** The attributes a `has` asks for, outermost first. */
function namesOf(attr: unknown): readonly string[] | undefined {
  if (typeof attr === 'string') return [attr];
  return Array.isArray(attr) && attr.every((name) => typeof name === 'string') ? attr : undefined;
}

function readsOfPath([variable, first, second]: readonly string[]): number {
  switch (variable) {
    case 'principal':
      return READS.principal;
    case 'resource':
      return first === undefined ? READS.resource | READS.resource_groups : READS.resource;
    case 'action':
      return READS.action;
    default: {
      const section = first === undefined ? undefined : SECTION_OF.get(first);
      if (first === undefined || section === undefined) return ALL_CONTEXT;
      return (second === undefined ? undefined : BIT_OF.get(`${first}_${second}`)) ?? section;
    }
  }
}

/** `left in …` asks for the ancestors of one entity, or of any where `left` is not a variable. */
function readsOfMembership(left: unknown): number {
  const path = pathOf(left);
  if (path?.length !== 1) return ALL_ENTITIES | readsOf(left);
  if (path[0] === 'resource') return READS.resource_groups;
  return readsOfPath(path);
}

function readsOf(expr: unknown): number {
  const path = pathOf(expr);
  if (path !== undefined) return readsOfPath(path);
  const node = nodeOf(expr);
  if (node === undefined) return READS_ALL;
  const { op, body } = node;
  if (op === 'Value') return 0;
  if (isRecord(body)) {
    const { left } = body;
    if (op === 'has') {
      const leftPath = pathOf(left);
      const names = namesOf(body['attr']);
      return leftPath === undefined || names === undefined ? READS_ALL : readsOfPath(leftPath.concat(names));
    }
    // An attribute of something computed, or of an entity written out in the policy.
    if (op === '.' || op === 'getTag' || op === 'hasTag') return READS_ALL;
    if (op === 'in') return readsOfMembership(left) | readsOf(body['right']);
    if (op === 'is') {
      if (body['in'] !== undefined) return readsOfMembership(left) | readsOf(body['in']);
      return pathOf(left)?.length === 1 ? 0 : readsOf(left);
    }
  }
  let mask = 0;
  for (const operand of operands(node)) mask |= readsOf(operand);
  return mask;
}

/** What the principal, resource and conditions of a policy look at. Its action scope is the slice's concern. */
export function readsOfPolicy(policy: PolicyJson): number {
  let mask = 0;
  if ('in' in policy.principal || policy.principal.op === 'in') mask |= READS.principal;
  if ('in' in policy.resource || policy.resource.op === 'in') mask |= READS.resource_groups;
  for (const clause of policy.conditions) mask |= readsOf(clause.body);
  return mask;
}
