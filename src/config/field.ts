// Building blocks of the schema. Every message is written here or in `schema.ts`: it completes a sentence that
// begins with the key, so it says what the value must be. It quotes no value but a class or a pattern: another one may be a secret.

import { closestWord } from '@firma/core';
import * as z from 'zod';

interface Seen {
  readonly input: unknown;
}

function must(be: string): (issue: Seen) => string {
  return (issue) => (issue.input === undefined ? 'is missing' : `must be ${be}`);
}

// The control characters of ASCII and of Latin-1: in a path or a name they can only mislead whoever reads it.
function hasControl(value: string): boolean {
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}

export function text(maxChars: number, what = 'a string') {
  const error = must(`${what} of 1 to ${maxChars} characters, none of them a control character`);
  return z
    .string({ error })
    .min(1, { error })
    .max(maxChars, { error })
    .refine((value) => !hasControl(value), { error });
}

export function matching(pattern: RegExp, be: string) {
  const error = must(be);
  return z.string({ error }).regex(pattern, { error });
}

/** A string that a function understands: the value becomes what the function made of it. */
export function parsed<T>(maxChars: number, be: string, parse: (value: string) => T | undefined) {
  const error = must(be);
  return text(maxChars).transform((input, context): T => {
    const value = parse(input);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: error({ input }), input });
    return z.NEVER;
  });
}

export function whole(min: number, max: number) {
  const error = must(`a whole number from ${min} to ${max}`);
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export function flag() {
  return z.boolean({ error: must('true or false') });
}

export function choice<const T extends readonly [string, ...string[]]>(...values: T) {
  return z.enum(values, { error: must(`one of ${values.map((value) => `\`${value}\``).join(', ')}`) });
}

export function list<T extends z.ZodType>(item: T, min: number, max: number) {
  const error = must(`a list of ${min} to ${max} items`);
  return z.array(item, { error }).min(min, { error }).max(max, { error });
}

/** A list in which no two tables have the same value under `key`. */
export function listBy<T extends z.ZodType<Record<string, unknown>>>(item: T, max: number, key: string) {
  return list(item, 0, max).check((context) => {
    const seen = new Set<unknown>();
    for (const [index, entry] of context.value.entries()) {
      const value = entry[key];
      if (value !== undefined && seen.has(value)) {
        const path = [index, key];
        context.issues.push({ code: 'custom', message: 'is there twice', input: entry, path });
      }
      seen.add(value);
    }
  });
}

/** Tables under names of the user's choice, in the order of the file. */
export function named<T extends z.ZodType>(item: T, max: number) {
  // A letter first: keys that look like numbers would lose the order of the file.
  const label = matching(
    /^[A-Za-z][A-Za-z0-9._-]{0,63}$/,
    'named with a letter and at most 63 more letters, digits, `.`, `_` or `-`',
  );
  return z
    .record(label, item, { error: must('a table') })
    .refine((value) => Object.keys(value).length <= max, { error: must(`at most ${max} tables`) });
}

/**
 * A table with a closed list of keys.
 *
 * @param later keys of semantics §9 that this version does not support yet
 */
export function table<T extends z.core.$ZodLooseShape>(shape: T, later: readonly string[] = []) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return must('a table')(issue);
      const key = issue.keys[0] ?? '';
      if (later.includes(key)) return 'is not supported in this version; remove it';
      const near = closestWord(key, Object.keys(shape));
      const known = Object.keys(shape).map((name) => `\`${name}\``);
      return near === undefined
        ? `is no known key; there are ${known.join(', ')}`
        : `is no known key; did you mean \`${near}\`?`;
    },
  });
}
