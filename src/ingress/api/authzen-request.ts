import { type Call, callFieldsProblem, hasCallFields, type Invalid, isObject } from '../../call.ts';
import { type JsonObject, unknownFieldProblem } from '../strict-json.ts';

/** What an AuthZEN evaluation asks, as a call. */
export interface Evaluation {
  readonly call: Call;
  /** `subject.id`: what `sub` of the token has to be. */
  readonly subject: string;
}

/** `resource.type` of a call over HTTP, whose `id` is its URL. */
const RESOURCE_TYPES: ReadonlySet<string> = new Set(['http', 'uri']);
const ENTITY_FIELDS = ['type', 'id', 'properties'];
const HTTP_METHOD = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT)$/;
const MAX_ID_CHARS = 8 * 1024;
const NOTHING: JsonObject = Object.freeze({});

function entityProblem(name: string, entity: unknown): string | undefined {
  if (!isObject(entity)) return `\`${name}\` must be an object with \`type\` and \`id\``;
  const { type, id, properties } = entity;
  if (typeof type !== 'string' || typeof id !== 'string') {
    return `\`${name}.type\` and \`${name}.id\` must be strings`;
  }
  if (type === '' || id === '' || type.length + id.length > MAX_ID_CHARS) {
    return `\`${name}.type\` and \`${name}.id\` must not be empty, or longer than ${MAX_ID_CHARS} characters`;
  }
  if (properties !== undefined && !isObject(properties)) return `\`${name}.properties\` must be an object`;
  return unknownFieldProblem(`\`${name}\``, entity, ENTITY_FIELDS);
}

/** The method: `action.properties.method`, or `action.name` where that is one. */
function methodOf(action: unknown): { readonly method: string } | Invalid {
  if (!isObject(action)) return { invalid: '`action` must be an object with `name`' };
  const { name, properties = NOTHING } = action;
  if (typeof name !== 'string' || name === '') return { invalid: '`action.name` must be a string' };
  if (!isObject(properties)) return { invalid: '`action.properties` must be an object' };
  const problem = unknownFieldProblem('`action`', action, ['name', 'properties']);
  if (problem !== undefined) return { invalid: problem };
  const { method = name } = properties;
  if (typeof method !== 'string') return { invalid: '`action.properties.method` must be a string' };
  if (method !== name && HTTP_METHOD.test(name)) {
    return { invalid: '`action.name` and `action.properties.method` are two methods' };
  }
  return { method };
}

/**
 * Reads an evaluation (OpenID AuthZEN Authorization API 1.0, §6.1) as a call: `resource` of type `http` or `uri` with the
 * URL as `id`; `action.name`, or `action.properties.method`, is the method; `context.firma` has `token`, and where the call
 * has them `headers` and `body`, as `/v1/decide` takes them. Properties and other members of `context` are not looked at.
 *
 * @returns what is wrong, never quoting a value
 */
export function readEvaluation(body: JsonObject): Evaluation | Invalid {
  const { subject, action, resource, context = NOTHING } = body;
  const method = methodOf(action);
  const problem =
    unknownFieldProblem('an evaluation', body, ['subject', 'action', 'resource', 'context']) ??
    entityProblem('subject', subject) ??
    ('invalid' in method ? method.invalid : undefined) ??
    entityProblem('resource', resource) ??
    (isObject(context) ? undefined : '`context` must be an object');
  if (problem !== undefined) return { invalid: problem };
  if (!isObject(subject) || !isObject(resource) || !isObject(context) || 'invalid' in method) {
    return { invalid: 'is no evaluation' };
  }
  if (!RESOURCE_TYPES.has(String(resource['type']))) {
    return { invalid: '`resource.type` must be `http` or `uri`, and `resource.id` the URL of the call' };
  }
  const { firma = NOTHING } = context;
  if (!isObject(firma)) return { invalid: '`context.firma` must be an object with `token`' };
  const call = { ...firma, method: method.method, url: resource['id'] };
  const firmaProblem = unknownFieldProblem('`context.firma`', firma, ['token', 'headers', 'body']);
  if (firmaProblem !== undefined) return { invalid: firmaProblem };
  if (!hasCallFields(call)) return { invalid: callFieldsProblem(call) ?? 'is no call' };
  return { call, subject: String(subject['id']) };
}
