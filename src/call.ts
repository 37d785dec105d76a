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
  /** By name, in any case. Only what classification reads is looked at. Not from JSON: a list where one stood several times. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * The whole body; absent is empty. Not from JSON: bytes as they were received, and `null` where there may be a body
   * that was not seen, so that a rule which has to read it denies.
   */
  readonly body?: string | Uint8Array | null;
  /**
   * In place of `body`: what the caller read of it. Nobody here did, so nothing of it is believed: a rule that has to
   * read the body denies, and any other decides without it.
   */
  readonly params?: Readonly<Record<string, string | number>>;
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

const MAX_PARAMS = 64;

const FIELDS: ReadonlySet<string> = new Set(['token', 'method', 'url', 'headers', 'body', 'params']);
const NO_HEADERS: Readonly<Record<string, string>> = {};
const NO_BODY = new Uint8Array(0);

// In Node since 20; the library types of ES2023 do not have it.
declare global {
  interface String {
    isWellFormed(): boolean;
  }
}

/** What is wrong with a text or value from outside; never quotes a value. */
export type Invalid = { readonly invalid: string };

/** Whether a value from JSON is an object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textProblem(name: string, value: unknown, maxChars: number): string | undefined {
  if (typeof value !== 'string') return `\`${name}\` must be a string`;
  if (value.length > maxChars) return `\`${name}\` is longer than ${maxChars} characters`;
  return undefined;
}

/** By code point: letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 §5.6.2). */
const IS_TOKEN_CHAR: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(code)),
);

function isHeaderName(name: string): boolean {
  if (name.length === 0 || name.length > MAX_HEADER_NAME_CHARS) return false;
  for (let i = 0; i < name.length; i++) if (IS_TOKEN_CHAR[name.charCodeAt(i)] !== true) return false;
  return true;
}

function headersProblem(headers: unknown): string | undefined {
  if (!isObject(headers)) return '`headers` must be an object of strings';
  let count = 0;
  for (const name in headers) {
    count += 1;
    if (count > MAX_HEADERS) return `\`headers\` has more than ${MAX_HEADERS} entries`;
    if (!isHeaderName(name)) return 'a name in `headers` is no header name';
    const value = headers[name];
    if (typeof value !== 'string' || value.length > MAX_HEADER_CHARS) {
      return textProblem(`headers.${name}`, value, MAX_HEADER_CHARS);
    }
    if (value.includes('\n') || value.includes('\r') || value.includes('\0')) {
      return `\`headers.${name}\` holds a line break or NUL`;
    }
  }
  return undefined;
}

function bodyProblem(body: unknown): string | undefined {
  if (typeof body !== 'string' || body.length > MAX_BODY_BYTES) {
    return textProblem('body', body, MAX_BODY_BYTES);
  }
  // A character is three bytes at most.
  if (body.length * 3 > MAX_BODY_BYTES && Buffer.byteLength(body) > MAX_BODY_BYTES) {
    return `\`body\` is longer than ${MAX_BODY_BYTES} bytes`;
  }
  // A lone surrogate has no bytes: what is decided would not be what is sent.
  return body.isWellFormed() ? undefined : '`body` is not well-formed Unicode';
}

function paramsProblem(params: unknown, body: unknown): string | undefined {
  if (body !== undefined) return 'give `body` or `params`: facts are read from `body` alone';
  if (!isObject(params)) return '`params` must be an object of strings and numbers';
  let count = 0;
  for (const name in params) {
    count += 1;
    if (count > MAX_PARAMS) return `\`params\` has more than ${MAX_PARAMS} entries`;
    const value = params[name];
    if (typeof value !== 'string' && typeof value !== 'number') {
      return '`params` must be an object of strings and numbers';
    }
  }
  return undefined;
}

function callProblem(value: unknown): string | undefined {
  if (!isObject(value)) return 'a call is a JSON object with `token`, `method` and `url`';
  for (const name in value) {
    if (!FIELDS.has(name)) {
      return 'a call has `token`, `method`, `url`, `headers` and `body` or `params`, and no other field';
    }
  }
  return callFieldsProblem(value);
}

/** What is wrong with the fields of a call, whatever else stands beside them. */
export function callFieldsProblem(value: Readonly<Record<string, unknown>>): string | undefined {
  const { token, method, url, headers, body, params } = value;
  return (
    (token === undefined ? undefined : textProblem('token', token, MAX_TOKEN_CHARS)) ??
    textProblem('method', method, MAX_METHOD_CHARS) ??
    textProblem('url', url, MAX_URL_CHARS) ??
    (headers === undefined ? undefined : headersProblem(headers)) ??
    (body === undefined ? undefined : bodyProblem(body)) ??
    (params === undefined ? undefined : paramsProblem(params, body))
  );
}

/** Whether the fields of a call are good, whatever else stands beside them. */
export function hasCallFields(
  value: Readonly<Record<string, unknown>>,
): value is Readonly<Record<string, unknown>> & Call {
  return callFieldsProblem(value) === undefined;
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

const BACKSLASH = 92;
const COLON = 58;
const QUOTE = 34;

/**
 * How many members the objects of a valid JSON text have: each is one colon outside a string. More than the value that
 * was read from it has means that a key stands twice.
 *
 * Cost: in proportion to the text, most of it searched for quotes.
 */
export function countMembers(json: string): number {
  let members = 0;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === COLON) members++;
    else if (code === QUOTE) i = stringEnd(json, i);
  }
  return members;
}

/** Where the string that begins at a quote ends: at the next quote behind an even number of backslashes. */
function stringEnd(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let before = end;
    while (json.charCodeAt(before - 1) === BACKSLASH) before--;
    if (((end - before) & 1) === 0) return end;
  }
  return json.length;
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
  const { headers = NO_HEADERS, params = NO_HEADERS } = call;
  const members = Object.keys(call).length + Object.keys(headers).length + Object.keys(params).length;
  return members === countMembers(json) ? call : { invalid: 'a key stands twice in the call' };
}

/** What `toRawRequest` makes of a call. */
export interface CallRequest {
  readonly raw: RawRequest;
  /** Undefined where it was not seen. */
  readonly body: Uint8Array | undefined;
}

function bodyBytes({ body, params }: Call): Uint8Array | undefined {
  if (params !== undefined) return undefined;
  if (body === undefined || body === '') return NO_BODY;
  if (body === null) return undefined;
  return typeof body === 'string' ? Buffer.from(body) : body;
}

// By hand: `new URL` rewrites what it reads, and what was asked about must be what is judged.
function splitUrl(url: string): { scheme: Scheme; hostPort: string; target: string } {
  const scheme = url.startsWith('http://') ? 'http' : 'https';
  // No host is MALFORMED_REQUEST, which is what a URL of another scheme, or of none, is.
  if (!url.startsWith(`${scheme}://`)) return { scheme, hostPort: '', target: url };
  const start = scheme.length + 3;
  let end = start;
  for (; end < url.length; end++) {
    const code = url.charCodeAt(end);
    // `/`, `?`, `#`
    if (code === 47 || code === 63 || code === 35) break;
  }
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
  const fields = fieldsOf(call.headers ?? NO_HEADERS);
  const headers = readableHeaders(fields, readHeaders);
  const body = bodyBytes(call);
  const raw = { method: call.method, scheme, hostPort, target, headers, transport, bodyLength: body?.length };
  let carriesKey = false;
  for (const name of idempotencyHeaders) {
    if (!headers.has(name)) continue;
    if (isSentOn(fields, name)) carriesKey = true;
    else headers.delete(name);
  }
  if (!carriesKey) return { raw, body };
  return { raw: { ...raw, otherHeaders: otherHeaders(fields, idempotencyHeaders) }, body };
}

function fieldsOf(headers: NonNullable<Call['headers']>): (readonly [name: string, value: string])[] {
  const fields: (readonly [string, string])[] = [];
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string') fields.push([name, value]);
    else for (const one of value ?? []) fields.push([name, one]);
  }
  return fields;
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

/**
 * The name a header may be read under. Many servers read `X_HTTP_Method`, and some `X.HTTP.Method`, as `X-HTTP-Method`:
 * what they could see is looked at.
 */
function readAs(name: string): string {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    const isPlain = (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 45;
    if (!isPlain) return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-');
  }
  return name;
}

/** Of the fields of a request those that classification reads, by lower-case name, each value of a name in order. */
export function readableHeaders(
  fields: Iterable<readonly [string, string]>,
  readHeaders: ReadonlySet<string>,
): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const [name, value] of fields) {
    const lower = readAs(name);
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
