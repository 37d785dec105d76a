import { MAX_BATCH_BYTES, MAX_BODY_BYTES } from './port.ts';

export type RouteName =
  | 'decide'
  | 'batch'
  | 'commit'
  | 'rollback'
  | 'evaluation'
  | 'authzen-configuration'
  | 'ext-authz'
  | 'proof'
  | 'healthz'
  | 'readyz'
  | 'metrics'
  | 'openapi';

/** What an adapter has to know of an endpoint before it reads a body. */
export interface Route {
  readonly name: RouteName;
  /** As OpenAPI writes it. */
  readonly path: string;
  /** `ANY` is each of them. A POST takes JSON. */
  readonly method: 'GET' | 'POST' | 'ANY';
  readonly maxBodyBytes: number;
  /** Which headers its handler gets: every one, or only those of these names. */
  readonly headers: 'all' | readonly string[];
}

const AUTHORIZATION: readonly string[] = ['authorization'];
const NO_HEADERS: readonly string[] = [];

function post(name: RouteName, path: string, headers: Route['headers'] = AUTHORIZATION): Route {
  return { name, path, method: 'POST', maxBodyBytes: MAX_BODY_BYTES, headers };
}

function get(name: RouteName, path: string, headers: Route['headers'] = NO_HEADERS): Route {
  return { name, path, method: 'GET', maxBodyBytes: 0, headers };
}

/** Path of one event's proof: what is between the two. */
export const EVENT_PREFIX = '/v1/events/';
const PROOF_SUFFIX = '/proof';

/** Below it an enforcement point puts the path of the call it asks about. */
export const EXT_AUTHZ_PREFIX = '/ext_authz';

const PROOF = get('proof', `${EVENT_PREFIX}{event_id}${PROOF_SUFFIX}`, AUTHORIZATION);
const EXT_AUTHZ: Route = {
  name: 'ext-authz',
  path: `${EXT_AUTHZ_PREFIX}/{path}`,
  method: 'ANY',
  maxBodyBytes: MAX_BODY_BYTES,
  headers: 'all',
};

/** Every endpoint. */
export const ROUTES: readonly Route[] = Object.freeze([
  post('decide', '/v1/decide'),
  { ...post('batch', '/v1/decide/batch'), maxBodyBytes: MAX_BATCH_BYTES },
  post('commit', '/v1/commit'),
  post('rollback', '/v1/rollback'),
  post('evaluation', '/access/v1/evaluation', ['x-request-id']),
  get('authzen-configuration', '/.well-known/authzen-configuration', ['host', 'x-request-id']),
  EXT_AUTHZ,
  PROOF,
  get('healthz', '/healthz'),
  get('readyz', '/readyz'),
  get('metrics', '/metrics'),
  get('openapi', '/openapi.json'),
]);

const BY_PATH: ReadonlyMap<string, Route> = new Map(ROUTES.map((route) => [route.path, route]));

/** The event id in the path of a proof, unchecked. */
export function eventIdOf(path: string): string {
  return path.slice(EVENT_PREFIX.length, -PROOF_SUFFIX.length);
}

/** @param path target without its query */
export function routeOf(path: string): Route | undefined {
  const found = BY_PATH.get(path);
  if (found !== undefined) return found;
  if (path.startsWith(EXT_AUTHZ_PREFIX)) {
    const next = path.charCodeAt(EXT_AUTHZ_PREFIX.length);
    // Nothing, or a slash.
    return Number.isNaN(next) || next === 47 ? EXT_AUTHZ : undefined;
  }
  const isProof = path.startsWith(EVENT_PREFIX) && path.endsWith(PROOF_SUFFIX);
  return isProof && eventIdOf(path) !== '' ? PROOF : undefined;
}

/** The target without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}
