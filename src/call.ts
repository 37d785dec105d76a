import type { BudgetLine, Decision, RawRequest, Risk, Scheme, Transport } from '@firma/core';
import { otherHeaders } from './other-headers.ts';

/**
 * One call as JSON: what `POST /v1/decide`, `firma decide` and `firma.decide` take.
 *
 * `url` is absolute and already canonical (host case and a default port apart): who decides here and sends elsewhere
 * must send what was decided.
 */
export interface Call {
  /** The capability token; a call without one is answered TOKEN_MISSING. */
  readonly token?: string;
  readonly method: string;
  readonly url: string;
  /** By name, in any case. Only what classification reads is looked at. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole body; absent is empty. */
  readonly body?: string;
}

/** A decision as JSON. `resource` is the Cedar id; times are in microseconds. */
export interface DecisionJson {
  readonly outcome: Decision['outcome'];
  readonly reason: Decision['reason'];
  readonly stage: Decision['stage'];
  readonly scope: Decision['scope'];
  readonly detail: string;
  readonly remedy: string | undefined;
  /** After how many seconds its budget may have room. */
  readonly retry_after_s: number | undefined;
  readonly event_id: string | undefined;
  readonly action_class: string | undefined;
  readonly risk: Risk | undefined;
  readonly resource: string | undefined;
  /** `file:line` of the mapping rule. */
  readonly rule: string | undefined;
  readonly policies: readonly string[];
  readonly budgets: readonly BudgetLine[];
  readonly latency_us: Decision['timings'];
}

const MAX_TOKEN_CHARS = 16 * 1024;
const MAX_METHOD_CHARS = 32;
const MAX_URL_CHARS = 8 * 1024;
const MAX_HEADERS = 64;
const MAX_HEADER_NAME_CHARS = 256;
const MAX_HEADER_CHARS = 8 * 1024;
const MAX_BODY_BYTES = 64 * 1024;

const FIELDS = new Set(['token', 'method', 'url', 'headers', 'body']);
const TOKEN_CHARS = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const NO_HEADERS: Readonly<Record<string, string>> = {};
const encoder = new TextEncoder();

type Invalid = { readonly invalid: string };

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textProblem(name: string, value: unknown, maxChars: number): string | undefined {
  if (typeof value !== 'string') return `\`${name}\` must be a string`;
  if (value.length > maxChars) return `\`${name}\` is longer than ${maxChars} characters`;
  return undefined;
}

function headersProblem(headers: unknown): string | undefined {
  if (!isObject(headers)) return '`headers` must be an object of strings';
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) return `\`headers\` has more than ${MAX_HEADERS} entries`;
  for (const [name, value] of entries) {
    if (name.length > MAX_HEADER_NAME_CHARS || !TOKEN_CHARS.test(name)) {
      return 'a name in `headers` is no header name';
    }
    const problem = textProblem(`headers.${name}`, value, MAX_HEADER_CHARS);
    if (problem !== undefined) return problem;
    if (/[\0\r\n]/.test(String(value))) return `\`headers.${name}\` holds a line break or NUL`;
  }
  return undefined;
}

function bodyProblem(body: unknown): string | undefined {
  const problem = textProblem('body', body, MAX_BODY_BYTES);
  if (problem !== undefined) return problem;
  const text = String(body);
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) return `\`body\` is longer than ${MAX_BODY_BYTES} bytes`;
  // A lone surrogate has no bytes: what is decided would not be what is sent.
  if (/[\uD800-\uDFFF]/u.test(text)) return '`body` is not well-formed Unicode';
  return undefined;
}

function callProblem(value: unknown): string | undefined {
  if (!isObject(value)) return 'a call is a JSON object with `token`, `method` and `url`';
  for (const name of Object.keys(value)) {
    if (!FIELDS.has(name)) {
      return 'a call has `token`, `method`, `url`, `headers` and `body`, and no other field';
    }
  }
  const { token, method, url, headers, body } = value;
  return (
    (token === undefined ? undefined : textProblem('token', token, MAX_TOKEN_CHARS)) ??
    textProblem('method', method, MAX_METHOD_CHARS) ??
    textProblem('url', url, MAX_URL_CHARS) ??
    (headers === undefined ? undefined : headersProblem(headers)) ??
    (body === undefined ? undefined : bodyProblem(body))
  );
}

function isCall(value: unknown): value is Call {
  return callProblem(value) === undefined;
}

/**
 * Checks a value from outside against `Call`: types, bounds, and no field beyond them.
 *
 * @returns what is wrong, never quoting a value
 */
export function parseCall(value: unknown): Call | Invalid {
  return isCall(value) ? value : { invalid: callProblem(value) ?? 'is no call' };
}

/** How many members the objects of a valid JSON text have: each is one colon outside a string. */
function countMembers(json: string): number {
  let members = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const char = json[i];
    if (char === '"') inString = !inString;
    else if (inString && char === '\\') i++;
    else if (!inString && char === ':') members++;
  }
  return members;
}

/**
 * Reads a call from JSON text. A key given twice is refused: the caller's own reader may have taken the other one.
 *
 * @returns what is wrong, never quoting a value
 */
export function parseCallText(json: string): Call | Invalid {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { invalid: 'the call is not JSON' };
  }
  const call = parseCall(value);
  if ('invalid' in call) return call;
  const members = Object.keys(call).length + Object.keys(call.headers ?? NO_HEADERS).length;
  return members === countMembers(json) ? call : { invalid: 'a key stands twice in the call' };
}

/** What `toRawRequest` makes of a call. */
export interface CallRequest {
  readonly raw: RawRequest;
  readonly body: Uint8Array;
}

// By hand: `new URL` rewrites what it reads, and what was asked about must be what is judged.
function splitUrl(url: string): { scheme: Scheme; hostPort: string; target: string } {
  const scheme = url.startsWith('http://') ? 'http' : 'https';
  // No host is MALFORMED_REQUEST, which is what a URL of another scheme, or of none, is.
  if (!url.startsWith(`${scheme}://`)) return { scheme, hostPort: '', target: url };
  const start = scheme.length + 3;
  let end = start;
  while (end < url.length && url[end] !== '/' && url[end] !== '?' && url[end] !== '#') end++;
  return { scheme, hostPort: url.slice(start, end), target: url.slice(end) };
}

/**
 * A call as the decision core takes it. The URL is only split: what it holds is judged by the normalizer.
 *
 * @param readHeaders lower-case names of the headers that classification reads; others are left out
 * @param idempotencyHeaders those of them that carry an idempotency key: left out unless the upstream gets them
 */
export function toRawRequest(
  call: Call,
  transport: Transport,
  readHeaders: ReadonlySet<string>,
  idempotencyHeaders: readonly string[] = [],
): CallRequest {
  const { scheme, hostPort, target } = splitUrl(call.url);
  const fields = Object.entries(call.headers ?? NO_HEADERS);
  const headers = readableHeaders(fields, readHeaders);
  for (const name of idempotencyHeaders) if (!isSentOn(fields, name)) headers.delete(name);
  const body = encoder.encode(call.body ?? '');
  const raw = { method: call.method, scheme, hostPort, target, headers, transport, bodyLength: body.length };
  if (!idempotencyHeaders.some((name) => headers.has(name))) return { raw, body };
  return { raw: { ...raw, otherHeaders: otherHeaders(fields, idempotencyHeaders) }, body };
}

/** Whether an upstream gets a header under exactly that name: in another spelling, or named by `Connection`, it does not. */
function isSentOn(fields: readonly (readonly [string, string])[], name: string): boolean {
  const named = (value: string): boolean =>
    value
      .toLowerCase()
      .split(/[\s,]+/)
      .includes(name);
  return (
    fields.some(([field]) => field.toLowerCase() === name) &&
    !fields.some(([field, value]) => field.toLowerCase() === 'connection' && named(value))
  );
}

/** Of the fields of a request those that classification reads, by lower-case name, each value of a name in order. */
export function readableHeaders(
  fields: Iterable<readonly [string, string]>,
  readHeaders: ReadonlySet<string>,
): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const [name, value] of fields) {
    // Many servers read `X_HTTP_Method`, and some `X.HTTP.Method`, as `X-HTTP-Method`: what they could see is looked at.
    const lower = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-');
    if (!readHeaders.has(lower)) continue;
    const values = headers.get(lower);
    if (values === undefined) headers.set(lower, [value]);
    else values.push(value);
  }
  return headers;
}

/** A decision as the object that is sent to whoever asked. Nothing secret is in it. */
export function decisionJson(decision: Decision): DecisionJson {
  const reading = decision.envelope?.readings[0];
  return {
    outcome: decision.outcome,
    reason: decision.reason,
    stage: decision.stage,
    scope: decision.scope,
    detail: decision.detail,
    remedy: decision.remedy,
    retry_after_s: decision.retryAfterS,
    event_id: decision.eventId,
    action_class: reading?.actionClass.name,
    risk: reading?.actionClass.risk,
    resource: reading?.resource.uid,
    rule: reading?.rule,
    policies: decision.policies,
    budgets: decision.budgets,
    latency_us: decision.timings,
  };
}
