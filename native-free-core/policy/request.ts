import type { CedarValueJson, Context, EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/web';
import { ACTION_CLASSES, type ActionClassInfo } from '../registry/classes.ts';
import { hourUtc, weekdayUtc } from './context.ts';
import type { PolicyContext, PolicyQuery } from './port.ts';
import { ALL_ENTITIES, READS, SECTIONS } from './reads.ts';

// Builds what Cedar is asked about, in Cedar's JSON: the `Ctx` and the entities of semantics §4, as far as they are read.

function actionUid(id: string): TypeAndId {
  return { type: 'Firma::Action', id };
}

interface EntityRef {
  readonly __entity: TypeAndId;
}

const ACTION_REFS: ReadonlyMap<string, EntityRef> = new Map(
  ACTION_CLASSES.map((info) => [info.name, { __entity: actionUid(info.name) }]),
);

interface ActionEntity extends EntityJson {
  readonly uid: TypeAndId;
}

function toActionEntity(info: ActionClassInfo): ActionEntity {
  return { uid: actionUid(info.name), attrs: {}, parents: [actionUid(info.category)] };
}

const ACTION_ENTITIES: readonly ActionEntity[] = ACTION_CLASSES.map(toActionEntity);

function actionRef(name: string): EntityRef {
  return ACTION_REFS.get(name) ?? { __entity: actionUid(name) };
}

function actionRefs(names: readonly string[]): EntityRef[] {
  const refs: EntityRef[] = [];
  for (const name of names) refs.push(actionRef(name));
  return refs;
}

type Attributes = Record<string, CedarValueJson>;

function sessionPart(session: PolicyContext['session'], reads: number): Attributes {
  const out: Attributes = {};
  if ((reads & READS.session_id) !== 0) out['id'] = session.id;
  if ((reads & READS.session_age_s) !== 0) out['age_s'] = session.ageS;
  if ((reads & READS.session_calls) !== 0) out['calls'] = session.calls;
  if ((reads & READS.session_denies) !== 0) out['denies'] = session.denies;
  if ((reads & READS.session_classes) !== 0) out['classes'] = actionRefs(session.classes);
  if ((reads & READS.session_tools) !== 0) out['tools'] = actionRefs(session.tools);
  if ((reads & READS.session_hosts) !== 0) out['hosts'] = session.hosts.slice();
  if ((reads & READS.session_injected) !== 0) out['injected'] = session.injected.slice();
  if ((reads & READS.session_last_class) !== 0 && session.lastClass !== '') {
    out['last_class'] = actionRef(session.lastClass);
  }
  return out;
}

function requestPart(request: PolicyContext['request'], reads: number): Attributes {
  const out: Attributes = {};
  if ((reads & READS.request_method) !== 0) out['method'] = request.method;
  if ((reads & READS.request_scheme) !== 0) out['scheme'] = request.scheme;
  if ((reads & READS.request_transport) !== 0) out['transport'] = request.transport;
  if ((reads & READS.request_body_bytes) !== 0) out['body_bytes'] = request.bodyBytes;
  if ((reads & READS.request_query_present) !== 0) out['query_present'] = request.queryPresent;
  return out;
}

function timePart(nowMs: number, reads: number): Attributes {
  const out: Attributes = {};
  if ((reads & READS.time_now) !== 0) {
    out['now'] = { __extn: { fn: 'datetime', arg: new Date(nowMs).toISOString() } };
  }
  if ((reads & READS.time_hour_utc) !== 0) out['hour_utc'] = hourUtc(nowMs);
  if ((reads & READS.time_weekday_utc) !== 0) out['weekday_utc'] = weekdayUtc(nowMs);
  return out;
}

function capabilityPart(capability: PolicyContext['capability'], reads: number): Attributes {
  const out: Attributes = {};
  if ((reads & READS.capability_actions) !== 0) out['actions'] = actionRefs(capability.actions);
  if ((reads & READS.capability_scope) !== 0) out['scope'] = capability.scope.slice();
  if ((reads & READS.capability_age_s) !== 0) out['age_s'] = capability.ageS;
  if ((reads & READS.capability_ttl_s) !== 0) out['ttl_s'] = capability.ttlS;
  return out;
}

/**
 * The context of semantics §4 in Cedar's JSON.
 *
 * @param reads which attributes to put in (`READS`); a section nothing reads is left out
 */
export function cedarContext(context: PolicyContext, reads: number): Context {
  const out: Context = {};
  if ((reads & SECTIONS.session) !== 0) out['session'] = sessionPart(context.session, reads);
  if ((reads & SECTIONS.budget) !== 0) out['budget'] = context.budget;
  if ((reads & SECTIONS.request) !== 0) out['request'] = requestPart(context.request, reads);
  if ((reads & SECTIONS.time) !== 0) out['time'] = timePart(context.nowMs, reads);
  if ((reads & SECTIONS.capability) !== 0) out['capability'] = capabilityPart(context.capability, reads);
  if ((reads & SECTIONS.params) !== 0) out['params'] = context.params;
  return out;
}

function parents(type: string, ids: readonly string[]): TypeAndId[] {
  const uids: TypeAndId[] = [];
  for (const id of ids) uids.push({ type, id });
  return uids;
}

function resourceEntity(resource: PolicyQuery['resource'], reads: number): EntityJson {
  const attrs: Attributes = {};
  if ((reads & READS.resource) !== 0) {
    attrs['host'] = resource.host;
    attrs['port'] = resource.port;
    attrs['path'] = resource.path;
    if (resource.provider !== '') attrs['provider'] = resource.provider;
    attrs['method'] = resource.method;
  }
  const groups = (reads & READS.resource_groups) !== 0 ? resource.hostGroups : [];
  return { uid: resourceUid(resource.uid), attrs, parents: parents('Firma::HostGroup', groups) };
}

/** An agent in its groups. */
export function agentEntity(id: string, groups: readonly string[]): EntityJson {
  return { uid: principalUid(id), attrs: {}, parents: parents('Firma::AgentGroup', groups) };
}

/** A class in its category. */
export function actionEntity(action: ActionClassInfo): ActionEntity {
  return ACTION_ENTITIES[action.index] ?? toActionEntity(action);
}

export function principalUid(id: string): TypeAndId {
  return { type: 'Firma::Agent', id };
}

export function resourceUid(id: string): TypeAndId {
  return { type: 'Firma::Resource', id };
}

export function actionUidOf(action: ActionClassInfo): TypeAndId {
  return actionEntity(action).uid;
}

/** The entities of semantics §4 as far as `reads` asks for them. Groups exist as parents only. */
export function cedarEntities(query: PolicyQuery, reads: number): EntityJson[] {
  const entities: EntityJson[] = [];
  if ((reads & ALL_ENTITIES) === 0) return entities;
  if ((reads & READS.principal) !== 0) {
    entities.push(agentEntity(query.principal.id, query.principal.groups));
  }
  if ((reads & (READS.resource | READS.resource_groups)) !== 0) {
    entities.push(resourceEntity(query.resource, reads));
  }
  if ((reads & READS.all_actions) !== 0) {
    for (const entity of ACTION_ENTITIES) entities.push(entity);
  } else if ((reads & READS.action) !== 0) {
    entities.push(actionEntity(query.action));
  }
  return entities;
}
