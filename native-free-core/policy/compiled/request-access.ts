import { ACTION_CLASSES } from '../../registry/classes.ts';
import { hourUtc, weekdayUtc } from '../context.ts';
import type { Access, Evaluator } from './link.ts';
import {
  ACTION,
  AGENT,
  AGENT_GROUP,
  HOST_GROUP,
  type QueryEnv,
  RESOURCE,
  uidOfClass,
} from './request-env.ts';
import { type EntityUid, ERROR, type Value } from './value.ts';

type Read = Evaluator<QueryEnv>;
type Test = (env: QueryEnv) => boolean;

const VARIABLES: Readonly<Record<'principal' | 'action' | 'resource' | 'context', Read>> = {
  principal: (env) => env.principal,
  action: (env) => env.action,
  resource: (env) => env.resource,
  context: (env) => env.context,
};

// Every attribute of semantics §4 but those of `context.budget` and `context.params`, whose names are open.
const PATHS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['resource.host', (env) => env.query.resource.host],
  ['resource.port', (env) => env.query.resource.port],
  ['resource.path', (env) => env.query.resource.path],
  ['resource.provider', (env) => orError(env.query.resource.provider)],
  ['resource.method', (env) => env.query.resource.method],
  ['context.session.id', (env) => env.query.context.session.id],
  ['context.session.age_s', (env) => env.query.context.session.ageS],
  ['context.session.calls', (env) => env.query.context.session.calls],
  ['context.session.denies', (env) => env.query.context.session.denies],
  ['context.session.classes', (env) => env.classes],
  ['context.session.tools', (env) => env.tools],
  ['context.session.hosts', (env) => env.hosts],
  ['context.session.injected', (env) => env.injected],
  [
    'context.session.last_class',
    ({ query }) => {
      const { lastClass } = query.context.session;
      return lastClass === '' ? ERROR : uidOfClass(lastClass);
    },
  ],
  ['context.request.method', (env) => env.query.context.request.method],
  ['context.request.scheme', (env) => env.query.context.request.scheme],
  ['context.request.transport', (env) => env.query.context.request.transport],
  ['context.request.body_bytes', (env) => env.query.context.request.bodyBytes],
  ['context.request.query_present', (env) => env.query.context.request.queryPresent],
  ['context.time.now', (env) => env.now],
  ['context.time.hour_utc', (env) => hourUtc(env.query.context.nowMs)],
  ['context.time.weekday_utc', (env) => weekdayUtc(env.query.context.nowMs)],
  ['context.capability.actions', (env) => env.actions],
  ['context.capability.scope', (env) => env.scope],
  ['context.capability.age_s', (env) => env.query.context.capability.ageS],
  ['context.capability.ttl_s', (env) => env.query.context.capability.ttlS],
]);

const SECTIONS: ReadonlySet<string> = new Set([
  'session',
  'budget',
  'request',
  'time',
  'capability',
  'params',
]);

/** What `PATHS` has under; a name with a dot in it, `context["session.id"]`, is under nothing. */
function keyOfPath(variable: string, names: readonly string[]): string {
  return names.some((name) => name.includes('.')) ? '' : `${variable}.${names.join('.')}`;
}

/** A text that stands for an optional attribute: empty where the attribute is absent. */
function orError(text: string): Value | typeof ERROR {
  return text === '' ? ERROR : text;
}

const isTrue: Test = () => true;
const isFalse: Test = () => false;

type OpenSection = (env: QueryEnv) => Readonly<Record<string, Value>>;

const budget: OpenSection = (env) => env.query.context.budget;
const params: OpenSection = (env) => env.query.context.params;

function openSection(variable: string, names: readonly string[]): OpenSection | undefined {
  if (variable !== 'context' || names.length !== 2) return undefined;
  if (names[0] === 'budget') return budget;
  return names[0] === 'params' ? params : undefined;
}

function valueIn(section: OpenSection, name: string): Read {
  // A name like `constructor` is found in every object.
  if (name in Object.prototype) {
    return (env) => {
      const values = section(env);
      return Object.hasOwn(values, name) ? (values[name] ?? ERROR) : ERROR;
    };
  }
  return (env) => section(env)[name] ?? ERROR;
}

function path(variable: string, names: readonly string[]): Read | undefined {
  const section = openSection(variable, names);
  const [, name] = names;
  if (section !== undefined && name !== undefined) return valueIn(section, name);
  return PATHS.get(keyOfPath(variable, names));
}

function has(variable: string, names: readonly string[]): Test | undefined {
  const section = openSection(variable, names);
  const [first, name] = names;
  if (section !== undefined && name !== undefined) {
    const read = valueIn(section, name);
    return (env) => read(env) !== ERROR;
  }
  const key = keyOfPath(variable, names);
  if (key === 'resource.provider') return (env) => env.query.resource.provider !== '';
  if (key === 'context.session.last_class') return (env) => env.query.context.session.lastClass !== '';
  if (PATHS.has(key)) return isTrue;
  if (variable === 'context' && names.length === 1 && first !== undefined && SECTIONS.has(first)) {
    return isTrue;
  }
  return undefined;
}

function principalIn({ type, id }: EntityUid): Test {
  if (type === AGENT_GROUP) return (env) => env.query.principal.groups.includes(id);
  return type === AGENT ? (env) => env.query.principal.id === id : isFalse;
}

function resourceIn({ type, id }: EntityUid): Test {
  if (type === HOST_GROUP) return (env) => env.query.resource.hostGroups.includes(id);
  return type === RESOURCE ? (env) => env.query.resource.uid === id : isFalse;
}

function actionIn({ type, id }: EntityUid): Test {
  if (type !== ACTION) return isFalse;
  const members = new Uint8Array(ACTION_CLASSES.length);
  for (const { name, category, index } of ACTION_CLASSES) {
    if (id === name || id === category) members[index] = 1;
  }
  return (env) => members[env.query.action.index] === 1;
}

function isIn(variable: string, ancestor: EntityUid): Test | undefined {
  switch (variable) {
    case 'principal':
      return principalIn(ancestor);
    case 'resource':
      return resourceIn(ancestor);
    case 'action':
      return actionIn(ancestor);
    default:
      return undefined;
  }
}

/**
 * How policies read a `QueryEnv`: every attribute of semantics §4 and every membership of a variable straight from the
 * query, without a record or a set that nothing else needs.
 */
export const QUERY_ACCESS: Access<QueryEnv> = {
  variable: (name) => VARIABLES[name],
  entities: (env) => env,
  path,
  has,
  isIn,
};
