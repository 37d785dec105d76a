/** A fact that is there, or could be, and cannot be told exactly. Names keys, never values. */
export class Unreadable {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

export interface FormPair {
  readonly name: string;
  readonly value: string;
  /** Names that stand behind a `;` in the pair: servers that part a form there see keys of their own. */
  readonly hidden: readonly string[];
}

/**
 * Reads `application/x-www-form-urlencoded` text, of a body or a query without its `?`.
 *
 * @returns undefined where an escape is none, its bytes are not UTF-8, or a name holds a NUL
 */
export function readForm(text: string): readonly FormPair[] | undefined {
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

const NO_NAMES: readonly string[] = [];

/** The value of a key, undefined where the form has no such key, Unreadable where servers could differ. */
export function formValue(pairs: readonly FormPair[], key: string): string | undefined | Unreadable {
  let value: string | undefined;
  for (const pair of pairs) {
    if (pair.name === key) {
      if (value !== undefined) return new Unreadable(`\`${key}\` is given twice`);
      value = pair.value;
    } else if (couldMean(pair.name, key)) {
      return new Unreadable(`\`${key}\` is given in another spelling`);
    }
    for (const name of pair.hidden) {
      if (couldMean(name, key)) return new Unreadable(`\`${key}\` is given behind a \`;\``);
    }
  }
  return value;
}

/** Whether some server takes a name for the key or for a list of it: by case, blanks, `k[]`, or `.` for `_`. */
export function couldMean(name: string, key: string): boolean {
  if (name.length < key.length) return false;
  const loose = loosen(name);
  const wanted = loosen(key);
  return loose === wanted || loose.startsWith(`${wanted}[`);
}

function loosen(name: string): string {
  return name.trim().toLowerCase().replaceAll(/[. ]/g, '_');
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
