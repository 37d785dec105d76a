import type { CapabilityRequest } from '../config/config.ts';

/** Asks for a session: the capability of a profile (the sidecar's default where undefined), or one spelled out. */
export type OpenSessionRequest = CapabilityRequest | { readonly profile: string | undefined };

/** A session as its agent gets it. `user` and `password` name the session to the proxy and open nothing else. */
export interface OpenedSession {
  readonly user: string;
  readonly password: string;
  /** `http://127.0.0.1:<port>` of the proxy, without the credential. */
  readonly proxy: string;
  readonly sid: string;
}

const MAX_TEXT = 1024;
const MAX_ITEMS = 256;
const MAX_TTL_S = 365 * 24 * 3600;
const FIELDS = new Set(['agent', 'groups', 'actions', 'scope', 'ttl_s']);

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= MAX_ITEMS && value.every(isText);
}

/** Checks the body of `POST /v1/sessions`. What it asks for is judged by the Authority, not here. */
export function parseOpenSession(value: unknown): OpenSessionRequest | { readonly invalid: string } {
  if (!isObject(value)) return { invalid: 'the body must be a JSON object' };
  const names = Object.keys(value);
  if (names.every((name) => name === 'profile')) {
    const { profile } = value;
    return profile === undefined || isText(profile) ? { profile } : { invalid: '`profile` must be a name' };
  }
  if (!names.every((name) => FIELDS.has(name))) {
    return { invalid: 'give `profile`, or `agent`, `groups`, `actions`, `scope` and `ttl_s`' };
  }
  const { agent, groups = [], actions, scope, ttl_s: ttlS } = value;
  if (!isText(agent)) return { invalid: '`agent` must be a name' };
  if (!isTexts(groups) || !isTexts(actions) || !isTexts(scope)) {
    return { invalid: '`groups`, `actions` and `scope` must be lists of strings' };
  }
  if (typeof ttlS !== 'number' || !Number.isInteger(ttlS) || ttlS < 1 || ttlS > MAX_TTL_S) {
    return { invalid: '`ttl_s` must be a positive number of seconds' };
  }
  return { agent, groups, actions, scope, ttlS };
}

/** The body of `POST /v1/sessions` that stands for a request. */
export function openSessionBody(request: OpenSessionRequest): Fields {
  if ('profile' in request) return { profile: request.profile };
  const { agent, groups, actions, scope, ttlS } = request;
  return { agent, groups, actions, scope, ttl_s: ttlS };
}

export function openedSessionBody(session: OpenedSession): Fields {
  const { user, password, proxy, sid } = session;
  return { user, password, proxy, sid };
}

/** @returns undefined where the answer is not a session */
export function parseOpenedSession(value: unknown): OpenedSession | undefined {
  if (!isObject(value)) return undefined;
  const { user, password, proxy, sid } = value;
  const isSession = isText(user) && isText(password) && isText(proxy) && isText(sid);
  return isSession ? { user, password, proxy, sid } : undefined;
}
