import type { ParamType } from '../registry/param-type.ts';
import { wholeText } from '../registry/whole-text.ts';
import type { PolicyContext, PolicyQuery } from './port.ts';

const MS_PER_HOUR = 3_600_000;
const MS_PER_DAY = 24 * MS_PER_HOUR;
// 1970-01-01 was a Thursday, and Monday is 1.
const EPOCH_WEEKDAY_FROM_MONDAY = 3;

/** Hour of the day in UTC, 0 to 23. */
export function hourUtc(nowMs: number): number {
  return Math.floor((nowMs % MS_PER_DAY) / MS_PER_HOUR);
}

/** Day of the week in UTC, 1 (Monday) to 7. */
export function weekdayUtc(nowMs: number): number {
  return ((Math.floor(nowMs / MS_PER_DAY) + EPOCH_WEEKDAY_FROM_MONDAY) % 7) + 1;
}

// 9999-12-31T23:59:59.999Z: later instants have no RFC 3339 form.
const MAX_NOW_MS = 253_402_300_799_999;

/** Budgets of a token are known only at run time; policies can read those that the schema names. */
const TOKEN_BUDGET = 'token/';

/**
 * Whether a context is one that Cedar can be asked about: nothing in it may be rounded, cut or of another type than the
 * policies were validated for.
 *
 * @returns false where a number is no safe integer, the instant has no date, or a fact or budget is not declared
 */
export function contextIsExact(
  context: PolicyContext,
  params: ReadonlyMap<string, ParamType>,
  budgets: ReadonlySet<string>,
): boolean {
  const { session, capability, nowMs } = context;
  if (!Number.isSafeInteger(nowMs) || nowMs < 0 || nowMs > MAX_NOW_MS) return false;
  if (
    !Number.isSafeInteger(session.ageS) ||
    !Number.isSafeInteger(session.calls) ||
    !Number.isSafeInteger(session.denies) ||
    !Number.isSafeInteger(capability.ageS) ||
    !Number.isSafeInteger(capability.ttlS) ||
    !Number.isSafeInteger(context.request.bodyBytes)
  ) {
    return false;
  }
  for (const name of Object.keys(context.budget)) {
    if (!budgets.has(name) && !name.startsWith(TOKEN_BUDGET)) return false;
    if (!Number.isSafeInteger(context.budget[name])) return false;
  }
  for (const name of Object.keys(context.params)) {
    const value = context.params[name];
    const type = params.get(name);
    if (type === 'long' ? !Number.isSafeInteger(value) : type !== 'string' || typeof value !== 'string') {
      return false;
    }
  }
  return true;
}

/** A string as JSON. Nearly all are plain ASCII, which is cheaper to see than to escape. */
function quoted(text: string): string {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return JSON.stringify(text);
  }
  return `"${text}"`;
}

/** A set as a sorted JSON array. Callers that keep their lists sorted pay for the check only. */
function set(values: readonly string[]): string {
  if (values.length === 0) return '[]';
  for (let index = 1; index < values.length; index += 1) {
    const before = values[index - 1];
    const value = values[index];
    if (before !== undefined && value !== undefined && before >= value) {
      return JSON.stringify([...new Set(values)].sort());
    }
  }
  return JSON.stringify(values);
}

// Longer texts are not kept: there are thousands of writers.
const MAX_KEPT = 1024;

/** The text of a list that comes again and again: lists of a token or a session do not change, they are replaced. */
class KeptSet {
  #values: readonly string[] | undefined = undefined;
  #text = '';

  textOf(values: readonly string[]): string {
    if (values === this.#values) return this.#text;
    const text = set(values);
    if (text.length > MAX_KEPT || !Object.isFrozen(values)) return text;
    this.#values = values;
    this.#text = text;
    return text;
  }
}

function record(values: Readonly<Record<string, number | string>>): string {
  const names = Object.keys(values);
  if (names.length === 0) return '{}';
  names.sort();
  let text = '{';
  for (const name of names) {
    if (text.length > 1) text += ',';
    text += `${JSON.stringify(name)}:${JSON.stringify(values[name])}`;
  }
  return `${text}}`;
}

/** What is not frozen may be another list the next time. */
function areFrozen({ classes, hosts, injected, tools }: PolicyContext['session']): boolean {
  return (
    Object.isFrozen(classes) && Object.isFrozen(hosts) && Object.isFrozen(injected) && Object.isFrozen(tools)
  );
}

/**
 * Writes the contexts of one token's calls. What is the same in one as in the one before is not put together again: a
 * token's lists, what changes once a second, what a session did.
 */
export class ContextWriter {
  readonly #actions = new KeptSet();
  readonly #scope = new KeptSet();
  readonly #classes = new KeptSet();
  readonly #hosts = new KeptSet();
  readonly #injected = new KeptSet();
  readonly #tools = new KeptSet();
  #capability: PolicyContext['capability'] | undefined = undefined;
  #capabilityText = '';
  #request: PolicyContext['request'] | undefined = undefined;
  #requestText = '';
  #session: PolicyContext['session'] | undefined = undefined;
  #sessionText = '';
  #nowMs = -1;
  #timeText = '';

  /**
   * The context of a query as canonical JSON: the `Ctx` of semantics §4 with members sorted, sets sorted and without
   * repeats, an action as its name, and `time.now` in Unix milliseconds. Its SHA-256 is the record's `cedar_context_hash`.
   *
   * The same context gives the same text, and different contexts different texts.
   */
  write({ budget, capability, nowMs, params, request, session }: PolicyContext): string {
    return (
      `{"budget":${record(budget)}${this.#capabilityOf(capability)}${record(params)}${this.#requestOf(request)}` +
      `${session.ageS},"calls":${session.calls}${this.#sessionOf(session)}${this.#timeOf(nowMs)}`
    );
  }

  #capabilityOf(capability: PolicyContext['capability']): string {
    const { actions, ageS, scope, ttlS } = capability;
    const known = this.#capability;
    if (
      known !== undefined &&
      ageS === known.ageS &&
      ttlS === known.ttlS &&
      actions === known.actions &&
      scope === known.scope
    ) {
      return this.#capabilityText;
    }
    const text = wholeText(
      `,"capability":{"actions":${this.#actions.textOf(actions)},"age_s":${ageS}` +
        `,"scope":${this.#scope.textOf(scope)},"ttl_s":${ttlS}},"params":`,
    );
    const isKept = text.length <= MAX_KEPT && Object.isFrozen(actions) && Object.isFrozen(scope);
    this.#capability = isKept ? capability : undefined;
    this.#capabilityText = isKept ? text : '';
    return text;
  }

  #requestOf(request: PolicyContext['request']): string {
    const { bodyBytes, method, queryPresent, scheme, transport } = request;
    const known = this.#request;
    if (
      known !== undefined &&
      bodyBytes === known.bodyBytes &&
      method === known.method &&
      queryPresent === known.queryPresent &&
      scheme === known.scheme &&
      transport === known.transport
    ) {
      return this.#requestText;
    }
    this.#request = request;
    this.#requestText = wholeText(
      `,"request":{"body_bytes":${bodyBytes},"method":${quoted(method)},"query_present":${queryPresent}` +
        `,"scheme":${quoted(scheme)},"transport":${quoted(transport)}},"session":{"age_s":`,
    );
    return this.#requestText;
  }

  /** What stands behind the calls of a session. */
  #sessionOf(session: PolicyContext['session']): string {
    const { classes, denies, hosts, id, injected, lastClass, tools } = session;
    const known = this.#session;
    if (
      known !== undefined &&
      denies === known.denies &&
      lastClass === known.lastClass &&
      classes === known.classes &&
      hosts === known.hosts &&
      injected === known.injected &&
      tools === known.tools &&
      id === known.id
    ) {
      return this.#sessionText;
    }
    const last = lastClass === '' ? '' : `,"last_class":${quoted(lastClass)}`;
    const text = wholeText(
      `,"classes":${this.#classes.textOf(classes)},"denies":${denies},"hosts":${this.#hosts.textOf(hosts)}` +
        `,"id":${quoted(id)},"injected":${this.#injected.textOf(injected)}${last}` +
        `,"tools":${this.#tools.textOf(tools)}}`,
    );
    const isKept = text.length <= MAX_KEPT && areFrozen(session);
    this.#session = isKept ? session : undefined;
    this.#sessionText = isKept ? text : '';
    return text;
  }

  #timeOf(nowMs: number): string {
    if (nowMs !== this.#nowMs) {
      this.#nowMs = nowMs;
      this.#timeText = `,"time":{"hour_utc":${hourUtc(nowMs)},"now":${nowMs},"weekday_utc":${weekdayUtc(nowMs)}}}`;
    }
    return this.#timeText;
  }
}

/** The context of one query as `ContextWriter` writes it. */
export function canonicalContext(query: PolicyQuery): string {
  return new ContextWriter().write(query.context);
}
