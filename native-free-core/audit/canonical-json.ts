import { NotCanonical } from '../errors.ts';

const MAX_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;
const FIRST_LOW_SURROGATE = 0xdc00;

/** Index of the first surrogate from `from` on that has no partner, or -1. */
function loneSurrogate(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < FIRST_SURROGATE || unit > LAST_SURROGATE) continue;
    const next = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
    if (unit >= FIRST_LOW_SURROGATE || next < FIRST_LOW_SURROGATE || next > LAST_SURROGATE) return i;
    i++;
  }
  return -1;
}

/** One string as RFC 8785 writes it. @throws NotCanonical for a lone surrogate */
export function canonicalString(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x20 && unit < FIRST_SURROGATE && unit !== QUOTE && unit !== BACKSLASH) continue;
    const lone = loneSurrogate(text, i);
    if (lone >= 0) {
      throw new NotCanonical(`a string holds a lone surrogate at offset ${lone}; it has no UTF-8 form`);
    }
    // RFC 8785 §3.2.2.2 takes the escapes of ECMAScript's own serialisation.
    return JSON.stringify(text);
  }
  return `"${text}"`;
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new NotCanonical(`\`${value}\` is no JSON number`);
  // ECMAScript's shortest form is the canonical one (§3.2.2.3); it also turns -0 into 0.
  return String(value);
}

function isSorted(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) {
    const previous = keys[i - 1];
    const key = keys[i];
    if (previous !== undefined && key !== undefined && previous > key) return false;
  }
  return true;
}

function isPlain(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function canonicalObject(value: object, depth: number): string {
  if (!isPlain(value)) {
    throw new NotCanonical('an object of a class has no canonical form; pass plain objects and arrays');
  }
  const keys = Object.keys(value);
  // The default order of strings is the one §3.2.3 asks for: UTF-16 code units.
  if (!isSorted(keys)) keys.sort();
  let text = '{';
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] ?? '';
    text += `${i === 0 ? '' : ','}${canonicalString(key)}:${canonicalValue(value[key], depth)}`;
  }
  return `${text}}`;
}

function canonicalArray(value: readonly unknown[], depth: number): string {
  let text = '[';
  for (let i = 0; i < value.length; i++) {
    text += i === 0 ? canonicalValue(value[i], depth) : `,${canonicalValue(value[i], depth)}`;
  }
  return `${text}]`;
}

function canonicalValue(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return canonicalString(value);
    case 'number':
      return canonicalNumber(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth === MAX_DEPTH) throw new NotCanonical(`nested deeper than ${MAX_DEPTH} levels, or cyclic`);
      return Array.isArray(value) ? canonicalArray(value, depth + 1) : canonicalObject(value, depth + 1);
    default:
      throw new NotCanonical(`a value of type ${typeof value} has no JSON form; leave the member out`);
  }
}

/**
 * The one JSON text of a value (RFC 8785): members sorted by UTF-16 code units, no white space, shortest numbers.
 *
 * Two values with the same members give the same text, so its UTF-8 bytes can be hashed and signed.
 *
 * @throws NotCanonical for `undefined` anywhere, a hole in an array, NaN and the infinities, a lone surrogate,
 *   an object of a class, a function, a symbol, a bigint, and nesting deeper than 64 levels (cycles end there)
 */
export function canonicalize(value: unknown): string {
  return canonicalValue(value, 0);
}
