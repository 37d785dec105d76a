import { isRecord } from '../../../../native-free-core/policy/expression.ts';
import { EXTENSION_FUNCTIONS } from '../../../../native-free-core/policy/compiled/extensions/functions.ts';
import {
  CedarRecord,
  CedarSet,
  EntityUid,
  ERROR,
  toLong,
  type Value,
} from '../../../../native-free-core/policy/compiled/value.ts';

// Values, contexts and entities in Cedar's JSON, with `__entity` and `__extn` written out. An integer beyond 2^53 is a bigint.

/** @returns undefined for what names no entity */
export function readUid(json: unknown): EntityUid | undefined {
  const ref = isRecord(json) && '__entity' in json ? json['__entity'] : json;
  if (!isRecord(ref)) return undefined;
  const { type, id } = ref;
  return typeof type === 'string' && typeof id === 'string' ? new EntityUid(type, id) : undefined;
}

function readAll(items: readonly unknown[]): Value[] | undefined {
  const values: Value[] = [];
  for (const item of items) {
    const value = readValue(item);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function readExtension(json: unknown): Value | undefined {
  if (!isRecord(json)) return undefined;
  const { fn, arg, args } = json;
  const apply = typeof fn === 'string' ? EXTENSION_FUNCTIONS.get(fn) : undefined;
  const values = readAll(Array.isArray(args) ? args : [arg]);
  if (apply === undefined || values === undefined) return undefined;
  const value = apply(values);
  return value === ERROR ? undefined : value;
}

/** @returns undefined for what is no record, or holds what is no value */
export function readRecord(json: unknown): CedarRecord | undefined {
  if (!isRecord(json)) return undefined;
  const fields = new Map<string, Value>();
  for (const [name, item] of Object.entries(json)) {
    const value = readValue(item);
    if (value === undefined) return undefined;
    fields.set(name, value);
  }
  return new CedarRecord(fields);
}

/** @returns undefined for what is no value of Cedar: null, a fraction, an integer that may have been rounded */
export function readValue(json: unknown): Value | undefined {
  switch (typeof json) {
    case 'boolean':
    case 'string':
      return json;
    case 'number':
      return Number.isSafeInteger(json) ? json : undefined;
    case 'bigint':
      return toLong(json);
  }
  if (Array.isArray(json)) {
    const values = readAll(json);
    return values === undefined ? undefined : new CedarSet(values);
  }
  if (!isRecord(json)) return undefined;
  if ('__entity' in json) return readUid(json);
  return '__extn' in json ? readExtension(json['__extn']) : readRecord(json);
}
