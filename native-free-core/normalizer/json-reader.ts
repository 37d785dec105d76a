/** A JSON value with its numbers as they are written, so that none is ever rounded. */
export type JsonValue = string | boolean | null | JsonNumber | readonly JsonValue[] | JsonObject;

export type JsonObject = ReadonlyMap<string, JsonValue>;

export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const MAX_DEPTH = 64;

/**
 * Reads a whole JSON text (RFC 8259).
 *
 * @returns undefined for anything readers disagree about: bad syntax, a key that an object has twice, a NUL in
 * a key, a lone surrogate, nesting deeper than 64
 */
export function readJson(text: string): JsonValue | undefined {
  return new JsonReader(text).read();
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// oxlint-disable-next-line no-control-regex -- control characters are what a JSON string must not hold
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORDS: readonly (readonly [string, JsonValue])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];
const LONE_SURROGATE = /\p{Surrogate}/u;

class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): JsonValue | undefined {
    const value = this.#value(0);
    return this.#at === this.#text.length ? value : undefined;
  }

  #value(depth: number): JsonValue | undefined {
    if (depth > MAX_DEPTH) return undefined;
    this.#skipBlanks();
    const value = this.#bare(depth);
    this.#skipBlanks();
    return value;
  }

  #bare(depth: number): JsonValue | undefined {
    const first = this.#text[this.#at];
    if (first === '{') return this.#object(depth);
    if (first === '[') return this.#array(depth);
    if (first === '"') return this.#string();
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    const number = this.#take(NUMBER);
    return number === undefined ? undefined : new JsonNumber(number);
  }

  #object(depth: number): JsonObject | undefined {
    const members = new Map<string, JsonValue>();
    this.#at++;
    this.#skipBlanks();
    if (this.#has('}')) return members;
    for (;;) {
      this.#skipBlanks();
      const key = this.#string();
      this.#skipBlanks();
      if (key === undefined || key.includes('\0') || members.has(key) || !this.#has(':')) return undefined;
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      members.set(key, value);
      if (this.#has('}')) return members;
      if (!this.#has(',')) return undefined;
    }
  }

  #array(depth: number): readonly JsonValue[] | undefined {
    const elements: JsonValue[] = [];
    this.#at++;
    this.#skipBlanks();
    if (this.#has(']')) return elements;
    for (;;) {
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      elements.push(value);
      if (this.#has(']')) return elements;
      if (!this.#has(',')) return undefined;
    }
  }

  #string(): string | undefined {
    const written = this.#take(STRING);
    if (written === undefined) return undefined;
    const text: unknown = JSON.parse(written);
    return typeof text === 'string' && !LONE_SURROGATE.test(text) ? text : undefined;
  }

  #skipBlanks(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++;
  }

  #has(mark: string): boolean {
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    return true;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}
