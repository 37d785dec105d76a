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
  const offsets = new KeyScanner(text).scan();
  return {
    value,
    locate(path) {
      for (let length = path.length; length > 0; length--) {
        const offset = offsets.get(keyOf(path.slice(0, length)));
        if (offset !== undefined) return locationOf(text, file, offset);
      }
      return { file };
    },
  };
}

// The library's message goes on with the lines around the error, which may hold a secret.
function describe(error: TomlError): string {
  const [first = ''] = error.message.split('\n');
  return `not valid TOML: ${first.replace(/^Invalid TOML document: /, '')}`;
}

function locationOf(text: string, file: string, offset: number): SourceLocation {
  let line = 1;
  let lineStart = 0;
  for (let end = text.indexOf('\n'); end !== -1 && end < offset; end = text.indexOf('\n', end + 1)) {
    line++;
    lineStart = end + 1;
  }
  return { file, line, column: offset - lineStart + 1 };
}

function keyOf(path: TomlPath): string {
  return JSON.stringify(path);
}

/** Walks a document that is known to be valid, so it only has to tell keys from values. */
class KeyScanner {
  readonly #text: string;
  #at = 0;
  readonly #offsets = new Map<string, number>();
  /** The newest element of each `[[array]]`: what a later `[array.table]` belongs to. */
  readonly #newest = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
  }

  /** @returns the offset of each key, by the JSON of its path */
  scan(): ReadonlyMap<string, number> {
    let table: TomlPath = [];
    for (this.#skip(BLANK); this.#at < this.#text.length; this.#skip(BLANK)) {
      if (this.#text[this.#at] === '[') table = this.#header();
      else this.#pair(table);
    }
    return this.#offsets;
  }

  #header(): TomlPath {
    const offset = this.#at;
    const isArray = this.#text[offset + 1] === '[';
    this.#at += isArray ? 2 : 1;
    const path: (string | number)[] = [];
    for (const key of this.#dottedKey()) {
      const newest = this.#newest.get(keyOf(path));
      if (newest !== undefined) path.push(newest);
      this.#note(path, offset);
      path.push(key);
    }
    if (isArray) {
      const next = (this.#newest.get(keyOf(path)) ?? -1) + 1;
      this.#newest.set(keyOf(path), next);
      this.#note(path, offset);
      path.push(next);
    }
    this.#offsets.set(keyOf(path), offset);
    this.#at += isArray ? 2 : 1;
    return path;
  }

  #pair(table: TomlPath): void {
    const offset = this.#at;
    const path = [...table];
    for (const key of this.#dottedKey()) {
      path.push(key);
      this.#note(path, offset);
    }
    this.#at++; // the `=`
    this.#skip(SPACE);
    this.#value(path);
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

  #value(path: TomlPath): void {
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") this.#string(first);
    else if (first === '[') this.#array(path);
    else if (first === '{') this.#inlineTable(path);
    else this.#skip(SCALAR);
  }

  #array(path: TomlPath): void {
    this.#at++;
    let index = 0;
    for (this.#skip(BETWEEN); this.#isInside(']'); this.#skip(BETWEEN)) {
      const element = [...path, index++];
      this.#note(element, this.#at);
      this.#value(element);
    }
    this.#at++;
  }

  #inlineTable(path: TomlPath): void {
    this.#at++;
    for (this.#skip(BETWEEN); this.#isInside('}'); this.#skip(BETWEEN)) this.#pair(path);
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

  /** The first mention of a table counts, unless a header of its own follows. */
  #note(path: TomlPath, offset: number): void {
    const key = keyOf(path);
    if (!this.#offsets.has(key)) this.#offsets.set(key, offset);
  }
}

const SPACE = /[ \t]*/y;
const BLANK = /(?:\s|#[^\n]*)*/y;
const BETWEEN = /(?:[\s,]|#[^\n]*)*/y;
const BARE_KEY = /[A-Za-z0-9_-]+/y;
const SCALAR = /[^,\]}#\n]*/y;
