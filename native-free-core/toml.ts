import { parse, TomlError } from 'smol-toml';
import type { FirmaError, SourceLocation } from './errors.ts';

/** Where a value stands in a document: table and key names, and positions in arrays counted from 0. */
export type TomlPath = readonly (string | number)[];

export interface TomlDocument {
  readonly value: Readonly<Record<string, unknown>>;
  /** The place of that table, key or element, or of the nearest one above it that the text names. */
  locate(path: TomlPath): SourceLocation;
}

/**
 * Parses a TOML file and remembers where each of its keys stands.
 *
 * @param fail makes the error for text that is not TOML; its message quotes none of the text
 * @throws what `fail` returns, with line and column
 */
export function parseToml(
  text: string,
  file: string,
  fail: (message: string, at: SourceLocation) => FirmaError,
): TomlDocument {
  let value: Readonly<Record<string, unknown>>;
  try {
    value = parse(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    throw fail(describe(cause), { file, line: cause.line, column: cause.column });
  }
  const root = new KeyScanner(text).scan();
  const lineStarts = lineStartsOf(text);
  return {
    value,
    locate(path) {
      let offset: number | undefined;
      let place: Place | undefined = root;
      for (const key of path) {
        place = place?.children?.get(key);
        offset = place?.offset ?? offset;
      }
      return offset === undefined ? { file } : locationOf(lineStarts, file, offset);
    },
  };
}

// The library's message goes on with the lines around the error, which may hold a secret.
function describe(error: TomlError): string {
  const [first = ''] = error.message.split('\n');
  return `not valid TOML: ${first.replace(/^Invalid TOML document: /, '')}`;
}

function lineStartsOf(text: string): readonly number[] {
  const starts = [0];
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) starts.push(end + 1);
  return starts;
}

function locationOf(lineStarts: readonly number[], file: string, offset: number): SourceLocation {
  let line = 0;
  // The last line that starts at or before the offset; `above` starts behind it.
  for (let above = lineStarts.length; above - line > 1;) {
    const middle = (line + above) >>> 1;
    if ((lineStarts[middle] ?? 0) <= offset) line = middle;
    else above = middle;
  }
  return { file, line: line + 1, column: offset - (lineStarts[line] ?? 0) + 1 };
}

/** Where a table, a key or an element was first named, and those in it. */
class Place {
  offset: number | undefined;
  children: Map<string | number, Place> | undefined;
  /** Of an `[[array]]`, its newest element: what a later `[array.table]` belongs to. */
  newest: number | undefined;

  child(key: string | number): Place {
    this.children ??= new Map();
    const known = this.children.get(key);
    if (known !== undefined) return known;
    const made = new Place();
    this.children.set(key, made);
    return made;
  }

  /** The first mention of a table counts, unless a header of its own follows. */
  note(offset: number): void {
    this.offset ??= offset;
  }
}

/** Walks a document that is known to be valid, so it only has to tell keys from values. */
class KeyScanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @returns the place of the document, which holds those of its keys */
  scan(): Place {
    const root = new Place();
    let table = root;
    for (this.#skip(BLANK); this.#at < this.#text.length; this.#skip(BLANK)) {
      if (this.#text[this.#at] === '[') table = this.#header(root);
      else this.#pair(table);
    }
    return root;
  }

  #header(root: Place): Place {
    const offset = this.#at;
    const isArray = this.#text[offset + 1] === '[';
    this.#at += isArray ? 2 : 1;
    let place = root;
    for (const key of this.#dottedKey()) {
      if (place.newest !== undefined) place = place.child(place.newest);
      place.note(offset);
      place = place.child(key);
    }
    if (isArray) {
      place.note(offset);
      place.newest = (place.newest ?? -1) + 1;
      place = place.child(place.newest);
    }
    place.offset = offset;
    this.#at += isArray ? 2 : 1;
    return place;
  }

  #pair(table: Place): void {
    const offset = this.#at;
    let place = table;
    for (const key of this.#dottedKey()) {
      place = place.child(key);
      place.note(offset);
    }
    this.#at++; // the `=`
    this.#skip(SPACE);
    this.#value(place);
  }

  /** Ends behind the last key and the blanks after it. */
  #dottedKey(): string[] {
    const keys: string[] = [];
    for (;;) {
      this.#skip(SPACE);
      const start = this.#at;
      const quote = this.#text[start];
      if (quote === '"' || quote === "'") {
        this.#string(quote);
        const [key = ''] = Object.keys(parse(`${this.#text.slice(start, this.#at)} = 0`));
        keys.push(key);
      } else {
        this.#skip(BARE_KEY);
        keys.push(this.#text.slice(start, this.#at));
      }
      this.#skip(SPACE);
      if (this.#text[this.#at] !== '.') return keys;
      this.#at++;
    }
  }

  #value(place: Place): void {
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") this.#string(first);
    else if (first === '[') this.#array(place);
    else if (first === '{') this.#inlineTable(place);
    else this.#skip(SCALAR);
  }

  #array(place: Place): void {
    this.#at++;
    let index = 0;
    for (this.#skip(BETWEEN); this.#isInside(']'); this.#skip(BETWEEN)) {
      const element = place.child(index++);
      element.note(this.#at);
      this.#value(element);
    }
    this.#at++;
  }

  #inlineTable(table: Place): void {
    this.#at++;
    for (this.#skip(BETWEEN); this.#isInside('}'); this.#skip(BETWEEN)) this.#pair(table);
    this.#at++;
  }

  #isInside(close: string): boolean {
    return this.#at < this.#text.length && this.#text[this.#at] !== close;
  }

  #string(quote: string): void {
    const triple = quote.repeat(3);
    const isLong = this.#text.startsWith(triple, this.#at);
    const end = isLong ? triple : quote;
    this.#at += end.length;
    while (this.#at < this.#text.length && !this.#text.startsWith(end, this.#at)) {
      this.#at += quote === '"' && this.#text[this.#at] === '\\' ? 2 : 1;
    }
    this.#at += end.length;
    // A long string may end in up to two quotes of its own before the closing three.
    if (isLong) while (this.#text[this.#at] === quote) this.#at++;
  }

  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.#text)?.[0].length ?? 0;
  }
}

const SPACE = /[ \t]*/y;
const BLANK = /(?:\s|#[^\n]*)*/y;
const BETWEEN = /(?:[\s,]|#[^\n]*)*/y;
const BARE_KEY = /[A-Za-z0-9_-]+/y;
const SCALAR = /[^,\]}#\n]*/y;
