import type { PolicyContext, PolicyQuery } from './port.ts';
import type { ParamType } from '../registry/param-type.ts';

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

/** A set as a sorted JSON array. Callers that keep their lists sorted pay for the check only. */
function set(values: readonly string[]): string {
  for (let index = 1; index < values.length; index += 1) {
    const before = values[index - 1];
    const value = values[index];
    if (before !== undefined && value !== undefined && before >= value) {
      return JSON.stringify([...new Set(values)].sort());
    }
  }
  return JSON.stringify(values);
}

function record(values: Readonly<Record<string, number | string>>): string {
  const names = Object.keys(values).sort();
  let text = '{';
  for (const name of names) {
    if (text.length > 1) text += ',';
    text += `${JSON.stringify(name)}:${JSON.stringify(values[name])}`;
  }
  return `${text}}`;
}

/**
 * The context of a query as canonical JSON: the `Ctx` of semantics §4 with members sorted, sets sorted and without
 * repeats, an action as its name, and `time.now` in Unix milliseconds. Its SHA-256 is the record's `cedar_context_hash`.
 *
 * The same context gives the same text, and different contexts different texts.
 */
export function canonicalContext(query: PolicyQuery): string {
  const { budget, capability, nowMs, params, request, session } = query.context;
  const lastClass = session.lastClass === '' ? '' : `"last_class":${JSON.stringify(session.lastClass)},`;
  return (
    `{"budget":${record(budget)}` +
    `,"capability":{"actions":${set(capability.actions)},"age_s":${capability.ageS}` +
    `,"scope":${set(capability.scope)},"ttl_s":${capability.ttlS}}` +
    `,"params":${record(params)}` +
    `,"request":{"body_bytes":${request.bodyBytes},"method":${JSON.stringify(request.method)}` +
    `,"query_present":${request.queryPresent},"scheme":${JSON.stringify(request.scheme)}` +
    `,"transport":${JSON.stringify(request.transport)}}` +
    `,"session":{"age_s":${session.ageS},"calls":${session.calls},"classes":${set(session.classes)}` +
    `,"denies":${session.denies},"hosts":${set(session.hosts)},"id":${JSON.stringify(session.id)}` +
    `,"injected":${set(session.injected)},${lastClass}"tools":${set(session.tools)}}` +
    `,"time":{"hour_utc":${hourUtc(nowMs)},"now":${nowMs},"weekday_utc":${weekdayUtc(nowMs)}}}`
  );
}
