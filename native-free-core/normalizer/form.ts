import { couldMeanKey, type KeyParts } from './form-key.ts';

export { couldMean } from './form-key.ts';

/** A fact that is there, or could be, and cannot be told exactly. Names keys, never values. */
export class Unreadable {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

/** One pair of a form, a query, or a part of a multipart form. */
export interface FormPair {
  readonly name: string;
  /** Unreadable for a file, or another part that is not plain UTF-8 text. */
  readonly value: string | Unreadable;
  /** Names that stand behind a `;` in the pair: servers that part a form there see keys of their own. */
  readonly hidden: readonly string[];
}

/** Pairs of one form, empty ones too. PHP, qs and others leave out what comes after the first thousand. */
export const MAX_PAIRS = 1000;

/**
 * Reads `application/x-www-form-urlencoded` text, of a body or a query without its `?`.
 *
 * @returns undefined where an escape is none, its bytes are not UTF-8, a name holds a NUL, or there are more than
 *   `MAX_PAIRS` pairs, parted at `&` or `;`
 */
export function readForm(text: string): readonly FormPair[] | undefined {
  if (countMarks(text) >= MAX_PAIRS) return undefined;
  const pairs: FormPair[] = [];
  for (let start = 0, end = 0; end < text.length; start = end + 1) {
    const mark = text.indexOf('&', start);
    end = mark === -1 ? text.length : mark;
    if (end === start) continue;
    const written = text.slice(start, end);
    const name = decode(nameOf(written));
    const equals = written.indexOf('=');
    const value = equals === -1 ? '' : decode(written.slice(equals + 1));
    if (name === undefined || value === undefined || name.includes('\0')) return undefined;
    const hidden = written.includes(';') ? written.split(';').slice(1).map(hiddenName) : NO_NAMES;
    pairs.push({ name, value, hidden });
  }
  return pairs;
}

/** The value of a key, undefined where the form has no such key, Unreadable where servers could differ. */
export function formValue(
  pairs: readonly FormPair[],
  key: string,
  parts: KeyParts,
): string | undefined | Unreadable {
  let value: string | undefined;
  for (const pair of pairs) {
    if (pair.name === key) {
      if (value !== undefined) return new Unreadable(`\`${key}\` is given twice`);
      if (pair.value instanceof Unreadable) return pair.value;
      value = pair.value;
    } else if (couldMeanKey(pair.name, parts)) {
      return new Unreadable(`\`${key}\` is given in another spelling`);
    }
    for (const name of pair.hidden) {
      if (couldMeanKey(name, parts)) return new Unreadable(`\`${key}\` is given behind a \`;\``);
    }
  }
  return value;
}

/** Every name of a form, those behind a `;` too. */
export function allNames(pairs: readonly FormPair[]): readonly string[] {
  return pairs.flatMap((pair) => [pair.name, ...pair.hidden]);
}

const NO_NAMES: readonly string[] = [];
const AMPERSAND = 38;
const SEMICOLON = 59;

/** How often a form is parted, at `&` or `;`. */
export function countMarks(text: string): number {
  let marks = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === AMPERSAND || code === SEMICOLON) marks++;
  }
  return marks;
}

function nameOf(written: string): string {
  const equals = written.indexOf('=');
  return equals === -1 ? written : written.slice(0, equals);
}

// A part of a pair that cuts an escape in two has no name of its own.
function hiddenName(part: string): string {
  return decode(nameOf(part)) ?? '';
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
