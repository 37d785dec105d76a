import { quoted } from './text.ts';
import { LONG_PARAMS, STRING_PARAMS } from './vocabulary.ts';

/** The types that generated expressions have. */
export const EXPR_TYPES = [
  'bool',
  'long',
  'string',
  'datetime',
  'duration',
  'decimal',
  'ip',
  'agent',
  'action',
  'resource',
  'strings',
  'actions',
  'longs',
  'request',
  'pair',
] as const;
export type ExprType = (typeof EXPR_TYPES)[number];

/** An attribute that may be absent: strict validation wants a `has` before it is read. */
export interface OptionalAttribute {
  readonly type: ExprType;
  /** Ways to ask for it. */
  readonly has: readonly string[];
  /** Ways to read it. */
  readonly read: readonly string[];
}

const IDENTIFIER = /^[a-z_]+$/;

function optional(type: ExprType, owner: readonly string[], name: string): OptionalAttribute {
  const path = owner.join('.');
  const has = [`${path} has ${quoted(name)}`];
  const read = [`${path}[${quoted(name)}]`];
  if (IDENTIFIER.test(name)) {
    has.push(`${path} has ${name}`);
    read.push(`${path}.${name}`);
    const [variable, section] = owner;
    if (section !== undefined) has.push(`${variable} has ${section}.${name}`);
  }
  return { type, has, read };
}

export const OPTIONAL_ATTRIBUTES: readonly OptionalAttribute[] = [
  ...LONG_PARAMS.map((name) => optional('long', ['context', 'params'], name)),
  ...STRING_PARAMS.map((name) => optional('string', ['context', 'params'], name)),
  optional('long', ['context', 'budget'], 'spend'),
  optional('long', ['context', 'budget'], 'token/calls'),
  optional('string', ['resource'], 'provider'),
  optional('action', ['context', 'session'], 'last_class'),
];

/** What every query has, by type. */
export const ATTRIBUTES = {
  bool: ['context.request.query_present'],
  long: [
    'context.session.age_s',
    'context.session.calls',
    'context.session.denies',
    'context.request.body_bytes',
    'context.time.hour_utc',
    'context.time.weekday_utc',
    'context.capability.age_s',
    'context.capability.ttl_s',
    'context["session"]["calls"]',
    'resource.port',
  ],
  string: [
    'context.session.id',
    'context.request.method',
    'context.request.scheme',
    'context.request.transport',
    'resource.host',
    'resource.path',
    'resource.method',
    'resource["host"]',
  ],
  datetime: ['context.time.now'],
  duration: [],
  decimal: [],
  ip: [],
  agent: ['principal'],
  action: ['action'],
  resource: ['resource'],
  strings: ['context.session.hosts', 'context.session.injected', 'context.capability.scope'],
  actions: ['context.session.classes', 'context.session.tools', 'context.capability.actions'],
  longs: [],
  request: ['context.request'],
  pair: [],
} as const satisfies Record<ExprType, readonly string[]>;
