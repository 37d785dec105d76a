import { ConfigInvalid, type SourceLocation } from '../errors.ts';
import type { TomlPath } from '../toml.ts';

/** A fixture file, parsed: TOML knows the place of each value, JSON only its file. */
export interface FixtureDocument {
  readonly value: unknown;
  locate(path: TomlPath): SourceLocation;
}

const MAX_ITEMS = 1024;
/** Of what has no bound of its own. */
const MAX_CHARS = 1024;

function written(path: TomlPath): string {
  let text = '';
  for (const step of path) {
    text += typeof step === 'number' ? `[${step}]` : `${text === '' ? '' : '.'}${step}`;
  }
  return text;
}

// A TOML date is an object too, but of a class of its own.
function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** One table of a fixture file. What it is asked for has the right type, or it says where and what to write. */
export class FixtureTable {
  readonly #document: FixtureDocument;
  readonly #path: TomlPath;
  readonly #value: Readonly<Record<string, unknown>>;

  /** @throws ConfigInvalid where the value is no table */
  constructor(document: FixtureDocument, path: TomlPath, value: unknown) {
    if (!isTable(value)) {
      const what = path.length === 0 ? 'the file' : `\`${written(path)}\``;
      throw new ConfigInvalid(`${what} is not a table`, document.locate(path));
    }
    this.#document = document;
    this.#path = path;
    this.#value = value;
  }

  get names(): readonly string[] {
    return Object.keys(this.#value);
  }

  get at(): SourceLocation {
    return this.#document.locate(this.#path);
  }

  locate(key: string): SourceLocation {
    return this.#document.locate([...this.#path, key]);
  }

  /** `what` completes a sentence that begins with the key. */
  error(key: string, what: string): ConfigInvalid {
    return new ConfigInvalid(`\`${written([...this.#path, key])}\` ${what}`, this.locate(key));
  }

  /** @throws ConfigInvalid for a key that is not in the list */
  allow(keys: readonly string[]): void {
    for (const name of this.names) {
      if (keys.includes(name)) continue;
      throw this.error(name, `is no known key; known here: ${keys.map((key) => `\`${key}\``).join(', ')}`);
    }
  }

  /** Undefined where absent, as for all that follow. */
  value(key: string): unknown {
    return Object.hasOwn(this.#value, key) ? this.#value[key] : undefined;
  }

  text(key: string, maxChars = MAX_CHARS): string | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (typeof value === 'string' && value.length <= maxChars) return value;
    throw this.error(key, `must be a string of at most ${maxChars} characters`);
  }

  required(key: string, maxChars?: number): string {
    const value = this.text(key, maxChars);
    if (value === undefined || value === '') throw this.error(key, 'is missing or empty');
    return value;
  }

  word<T extends string>(key: string, words: readonly T[]): T | undefined {
    const value = this.text(key);
    const word = words.find((candidate) => candidate === value);
    if (value === undefined || word !== undefined) return word;
    throw this.error(key, `must be one of ${words.map((one) => `\`${one}\``).join(', ')}`);
  }

  whole(key: string, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
    throw this.error(key, `must be a whole number from 0 to ${max}`);
  }

  texts(key: string): readonly string[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.length <= MAX_ITEMS) {
      const items = value.filter((item) => typeof item === 'string' && item.length <= MAX_CHARS);
      if (items.length === value.length) return items;
    }
    throw this.error(
      key,
      `must be a list of at most ${MAX_ITEMS} strings, each of at most ${MAX_CHARS} characters`,
    );
  }

  table(key: string): FixtureTable | undefined {
    const value = this.value(key);
    return value === undefined ? undefined : new FixtureTable(this.#document, [...this.#path, key], value);
  }

  tables(key: string, max: number): readonly FixtureTable[] {
    const value = this.value(key);
    if (!Array.isArray(value) || value.length === 0) throw this.error(key, 'must be a list of tables');
    if (value.length > max) throw this.error(key, `holds more than ${max}; split the file`);
    return value.map(
      (item: unknown, index) => new FixtureTable(this.#document, [...this.#path, key, index], item),
    );
  }
}
