import type { CapabilityRequest } from '../config/config.ts';
import type { SessionView } from './session-view.ts';

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

/** One page of the sessions in memory. */
export interface SessionPage {
  readonly sessions: readonly SessionView[];
  /** Where the next page begins: what `after` takes, and nothing else. Undefined on the last page. */
  readonly next: number | undefined;
}

/** Asks for the end of a session. */
export interface AbortRequest {
  readonly sid: string;
  readonly reason: string;
  /** Of a session that is not in memory; that of another one is known. */
  readonly agent: string | undefined;
}

/** A session that has ended: its calls are denied, what it had open is cut. */
export interface AbortedSession {
  readonly sid: string;
  readonly agent: string;
  /** Why it had been ended before; that reason stays. */
  readonly endedBefore: string | undefined;
  /** Why a restart may forget that it has ended. */
  readonly notKept: string | undefined;
}

/** Most sessions in one answer of `GET /v1/sessions`. */
const MAX_SESSIONS_LISTED = 1000;

/** The error code of a session that the sidecar does not know. No `FirmaError`: nothing failed. */
export const SESSION_UNKNOWN = 'SESSION_UNKNOWN';

const MAX_REASON_CHARS = 256;
const SESSION_ID = /^[A-Za-z0-9_-]{1,64}$/;
const PAGE_SIZE = /^[1-9][0-9]{0,3}$/;
const CURSOR = /^[0-9]{1,16}$/;
const ABORTED_BY_HAND = 'ended by hand';
const MAX_TEXT = 1024;
const MAX_ITEMS = 256;
const MAX_TTL_S = 365 * 24 * 3600;
const FIELDS = new Set(['agent', 'groups', 'actions', 'scope', 'ttl_s']);

type Fields = Readonly<Record<string, unknown>>;
type Invalid = { readonly invalid: string };

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
export function parseOpenSession(value: unknown): OpenSessionRequest | Invalid {
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

/** Whether it can be the id of a session. */
export function isSessionId(value: string): boolean {
  return SESSION_ID.test(value);
}

/** Checks the query of `GET /v1/sessions`: `limit` is a page's size, `after` the `next` of the page before. */
export function parseListQuery(
  query: string,
): { readonly limit: number; readonly after: number | undefined } | Invalid {
  const given = new URLSearchParams(query);
  if ([...given.keys()].some((name) => name !== 'limit' && name !== 'after')) {
    return { invalid: 'the query has `limit` and `after`' };
  }
  const limit = given.get('limit') ?? String(MAX_SESSIONS_LISTED);
  if (!PAGE_SIZE.test(limit) || Number(limit) > MAX_SESSIONS_LISTED) {
    return { invalid: `\`limit\` must be a whole number from 1 to ${MAX_SESSIONS_LISTED}` };
  }
  const after = given.get('after');
  if (after === null) return { limit: Number(limit), after: undefined };
  if (!CURSOR.test(after)) return { invalid: '`after` must be the `next` of the page before' };
  return { limit: Number(limit), after: Number(after) };
}

/** The body of an answer to `GET /v1/sessions`. */
export function sessionPageBody({ sessions, next }: SessionPage): Fields {
  return { sessions, next: next === undefined ? undefined : String(next) };
}

/** Checks the body of `POST /v1/sessions/<sid>/abort`: an object, `reason` and `agent` may be in it. */
export function parseAbortSession(value: unknown): Omit<AbortRequest, 'sid'> | Invalid {
  if (!isObject(value) || !Object.keys(value).every((name) => name === 'reason' || name === 'agent')) {
    return { invalid: 'the body must be a JSON object with `reason` and `agent`, or without' };
  }
  const { reason = ABORTED_BY_HAND, agent } = value;
  if (agent !== undefined && !isText(agent)) {
    return { invalid: `\`agent\` must be a name of at most ${MAX_TEXT} characters` };
  }
  return typeof reason === 'string' && reason !== '' && reason.length <= MAX_REASON_CHARS
    ? { reason, agent }
    : { invalid: `\`reason\` must be a text of at most ${MAX_REASON_CHARS} characters` };
}

/** @returns undefined where the answer is not that a session has ended */
export function parseAbortedSession(value: unknown): AbortedSession | undefined {
  if (!isObject(value)) return undefined;
  const { sid, agent, endedBefore, notKept } = value;
  const isAborted =
    isText(sid) &&
    isText(agent) &&
    (endedBefore === undefined || typeof endedBefore === 'string') &&
    (notKept === undefined || typeof notKept === 'string');
  return isAborted ? { sid, agent, endedBefore, notKept } : undefined;
}
