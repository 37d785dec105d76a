/**
 * A value of Cedar.
 *
 * A Long is a number where that is a safe integer and a bigint otherwise, so equal Longs are `===`. Its range is int64.
 */
export type Value = boolean | number | bigint | string | EntityUid | CedarSet | CedarRecord | Extension;

/** What an expression answers where its evaluation errors. Which error it was makes no difference to a decision. */
export const ERROR = Symbol('evaluation error');

const MIN_LONG = -(2n ** 63n);
const MAX_LONG = 2n ** 63n - 1n;

/** @returns undefined outside int64 */
export function toLong(value: bigint): number | bigint | undefined {
  if (value < MIN_LONG || value > MAX_LONG) return undefined;
  const short = Number(value);
  return Number.isSafeInteger(short) ? short : value;
}

export function isLong(value: Value | typeof ERROR): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** The name of an entity, which need not exist. */
export class EntityUid {
  readonly type: string;
  readonly id: string;
  /** What `keyOf` answers for it. */
  readonly key: string;

  constructor(type: string, id: string) {
    this.type = type;
    this.id = id;
    this.key = `e${type.length},${id.length}:${type}${id}`;
  }
}

/** A value of an extension type. */
export abstract class Extension {
  /** Type and canonical value: two values are equal where their keys are. */
  abstract readonly key: string;
}

type Primitive = boolean | number | bigint | string;

function isPrimitive(value: Value): value is Primitive {
  return typeof value !== 'object';
}

/** A set without order, in which equal values are one. */
export class CedarSet {
  readonly #primitives = new Set<Primitive>();
  /** By `keyOf`. */
  readonly #others = new Map<string, Value>();
  #key: string | undefined;

  constructor(values: Iterable<Value>) {
    for (const value of values) {
      if (isPrimitive(value)) this.#primitives.add(value);
      else this.#others.set(keyOf(value), value);
    }
  }

  get size(): number {
    return this.#primitives.size + this.#others.size;
  }

  has(value: Value): boolean {
    return isPrimitive(value) ? this.#primitives.has(value) : this.#others.has(keyOf(value));
  }

  *values(): IterableIterator<Value> {
    yield* this.#primitives;
    yield* this.#others.values();
  }

  hasAll(other: CedarSet): boolean {
    for (const value of other.#primitives) if (!this.#primitives.has(value)) return false;
    for (const key of other.#others.keys()) if (!this.#others.has(key)) return false;
    return true;
  }

  hasAny(other: CedarSet): boolean {
    for (const value of other.#primitives) if (this.#primitives.has(value)) return true;
    for (const key of other.#others.keys()) if (this.#others.has(key)) return true;
    return false;
  }

  get key(): string {
    this.#key ??= `[${Array.from(this.values(), keyOf).sort().join('')}]`;
    return this.#key;
  }
}

export class CedarRecord {
  readonly fields: ReadonlyMap<string, Value>;
  #key: string | undefined;

  constructor(fields: ReadonlyMap<string, Value>) {
    this.fields = fields;
  }

  get key(): string {
    if (this.#key === undefined) {
      const parts: string[] = [];
      for (const [name, value] of this.fields) parts.push(`${name.length}:${name}${keyOf(value)}`);
      this.#key = `{${parts.sort().join('')}}`;
    }
    return this.#key;
  }
}

/**
 * A text that two values share exactly where they are equal.
 *
 * INVARIANT: no key is the beginning of another, so keys one after the other are unique too.
 */
export function keyOf(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return value ? 'T' : 'F';
    case 'string':
      return `s${value.length}:${value}`;
    case 'object':
      return value instanceof Extension ? `x${value.key.length}:${value.key}` : value.key;
    default:
      return `i${value};`;
  }
}

function equalRecords(a: CedarRecord, b: CedarRecord): boolean {
  if (a.fields.size !== b.fields.size) return false;
  for (const [name, value] of a.fields) {
    const other = b.fields.get(name);
    if (other === undefined || !equals(value, other)) return false;
  }
  return true;
}

/** Cedar's `==`: values of different types are unequal, never an error. */
export function equals(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof EntityUid) return b instanceof EntityUid && a.id === b.id && a.type === b.type;
  if (a instanceof CedarSet) return b instanceof CedarSet && a.size === b.size && a.hasAll(b);
  if (a instanceof CedarRecord) return b instanceof CedarRecord && equalRecords(a, b);
  return b instanceof Extension && a.key === b.key;
}
