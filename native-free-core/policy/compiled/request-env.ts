import { ACTION_CLASSES, type ActionClassInfo, findActionClass } from '../../registry/classes.ts';
import { hourUtc, weekdayUtc } from '../context.ts';
import type { PolicyQuery } from '../port.ts';
import { Datetime } from './extensions/datetime.ts';
import { KnownSets } from './known-sets.ts';
import type { Entities } from './link.ts';
import { CedarRecord, type CedarSet, EntityUid, type Value } from './value.ts';

export const AGENT = 'Firma::Agent';
export const AGENT_GROUP = 'Firma::AgentGroup';
export const RESOURCE = 'Firma::Resource';
export const HOST_GROUP = 'Firma::HostGroup';
export const ACTION = 'Firma::Action';

const NO_ATTRIBUTES = new CedarRecord(new Map());

function actionUid(name: string): EntityUid {
  return new EntityUid(ACTION, name);
}

const ACTION_UIDS: readonly EntityUid[] = ACTION_CLASSES.map((info) => actionUid(info.name));

function uidOfAction(action: ActionClassInfo): EntityUid {
  return ACTION_UIDS[action.index] ?? actionUid(action.name);
}

/** The uid of a class by its name; a name that is no class is an entity that does not exist. */
export function uidOfClass(name: string): EntityUid {
  const action = findActionClass(name);
  return action === undefined ? actionUid(name) : uidOfAction(action);
}

/** The sets that the queries of an engine share. */
export class QuerySets {
  readonly actions = new KnownSets(uidOfClass);
  readonly texts = new KnownSets((text) => text);
}

function record(values: Readonly<Record<string, Value>>): CedarRecord {
  return new CedarRecord(new Map(Object.entries(values)));
}

/**
 * One query, as policies see it: the variables and entities of semantics §4.
 *
 * What costs something to make is made when a policy first asks for it, once a query.
 */
export class QueryEnv implements Entities {
  readonly query: PolicyQuery;
  readonly #sets: QuerySets;
  #principal: EntityUid | undefined;
  #resource: EntityUid | undefined;
  #resourceRecord: CedarRecord | undefined;
  #context: CedarRecord | undefined;
  #classes: CedarSet | undefined;
  #tools: CedarSet | undefined;
  #hosts: CedarSet | undefined;
  #injected: CedarSet | undefined;
  #actions: CedarSet | undefined;
  #scope: CedarSet | undefined;
  #now: Datetime | undefined;

  constructor(query: PolicyQuery, sets: QuerySets = new QuerySets()) {
    this.query = query;
    this.#sets = sets;
  }

  get principal(): EntityUid {
    return (this.#principal ??= new EntityUid(AGENT, this.query.principal.id));
  }

  get action(): EntityUid {
    return uidOfAction(this.query.action);
  }

  get resource(): EntityUid {
    return (this.#resource ??= new EntityUid(RESOURCE, this.query.resource.uid));
  }

  get classes(): CedarSet {
    return (this.#classes ??= this.#sets.actions.of(this.query.context.session.classes));
  }

  get tools(): CedarSet {
    return (this.#tools ??= this.#sets.actions.of(this.query.context.session.tools));
  }

  get hosts(): CedarSet {
    return (this.#hosts ??= this.#sets.texts.of(this.query.context.session.hosts));
  }

  get injected(): CedarSet {
    return (this.#injected ??= this.#sets.texts.of(this.query.context.session.injected));
  }

  get actions(): CedarSet {
    return (this.#actions ??= this.#sets.actions.of(this.query.context.capability.actions));
  }

  get scope(): CedarSet {
    return (this.#scope ??= this.#sets.texts.of(this.query.context.capability.scope));
  }

  get now(): Datetime {
    return (this.#now ??= new Datetime(this.query.context.nowMs));
  }

  get context(): CedarRecord {
    return (this.#context ??= this.#makeContext());
  }

  #makeContext(): CedarRecord {
    const { session, budget, request, nowMs, capability, params } = this.query.context;
    return record({
      session: record({
        id: session.id,
        age_s: session.ageS,
        calls: session.calls,
        denies: session.denies,
        classes: this.classes,
        tools: this.tools,
        hosts: this.hosts,
        injected: this.injected,
        ...(session.lastClass !== '' && { last_class: uidOfClass(session.lastClass) }),
      }),
      budget: record(budget),
      request: record({
        method: request.method,
        scheme: request.scheme,
        transport: request.transport,
        body_bytes: request.bodyBytes,
        query_present: request.queryPresent,
      }),
      time: record({ now: this.now, hour_utc: hourUtc(nowMs), weekday_utc: weekdayUtc(nowMs) }),
      capability: record({
        actions: this.actions,
        scope: this.scope,
        age_s: capability.ageS,
        ttl_s: capability.ttlS,
      }),
      params: record(params),
    });
  }

  #makeResource(): CedarRecord {
    const { host, port, path, provider, method } = this.query.resource;
    return record({ host, port, path, ...(provider !== '' && { provider }), method });
  }

  attributes(uid: EntityUid): CedarRecord | undefined {
    const { type, id } = uid;
    if (type === RESOURCE) {
      if (id !== this.query.resource.uid) return undefined;
      return (this.#resourceRecord ??= this.#makeResource());
    }
    const exists = type === AGENT ? id === this.query.principal.id : type === ACTION && findActionClass(id);
    return exists ? NO_ATTRIBUTES : undefined;
  }

  /** No entity of semantics §4 has tags. */
  tags(uid: EntityUid): CedarRecord | undefined {
    return this.attributes(uid) === undefined ? undefined : NO_ATTRIBUTES;
  }

  isIn(uid: EntityUid, ancestor: EntityUid): boolean {
    const { type, id } = uid;
    if (type === ancestor.type) {
      if (id === ancestor.id) return true;
      return type === ACTION && findActionClass(id)?.category === ancestor.id;
    }
    const { principal, resource } = this.query;
    if (type === AGENT) {
      return ancestor.type === AGENT_GROUP && id === principal.id && principal.groups.includes(ancestor.id);
    }
    return (
      type === RESOURCE &&
      ancestor.type === HOST_GROUP &&
      id === resource.uid &&
      resource.hostGroups.includes(ancestor.id)
    );
  }
}
