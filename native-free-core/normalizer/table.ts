import { MappingInvalid, type SourceLocation } from '../errors.ts';
import { ACTION_CLASSES, findActionClass, type ActionClassInfo } from '../registry/classes.ts';
import type { TomlDocument, TomlPath } from '../toml.ts';
import { didYouMean } from './suggest.ts';

/** A table of a document, with the place of each of its keys. */
export class Table {
  readonly value: Readonly<Record<string, unknown>>;
  readonly #document: TomlDocument;
  readonly #path: TomlPath;

  constructor(document: TomlDocument, path: TomlPath, value: Readonly<Record<string, unknown>>) {
    this.#document = document;
    this.#path = path;
    this.value = value;
  }

  location(path: TomlPath): SourceLocation {
    return this.#document.locate([...this.#path, ...path]);
  }

  error(path: TomlPath, message: string): MappingInvalid {
    return new MappingInvalid(message, this.location(path));
  }

  /** @param later keys that are refused by name: this version does not act on them */
  allowKeys(keys: readonly string[], later: readonly string[] = []): void {
    for (const key of Object.keys(this.value)) {
      if (later.includes(key)) {
        throw this.error([key], `\`${key}\` is not supported in this version; remove it`);
      }
      if (!keys.includes(key)) throw this.error([key], `unknown key \`${key}\`${didYouMean(key, keys)}`);
    }
  }

  checked<T extends object>(key: string, result: T | { readonly invalid: string }): T {
    if ('invalid' in result) throw this.error([key], result.invalid);
    return result;
  }

  string(key: string): string | undefined {
    const value = this.value[key];
    if (value === undefined || typeof value === 'string') return value;
    throw this.error([key], `\`${key}\` is not a string`);
  }

  actionClass(key: string): ActionClassInfo {
    const name = this.requiredString(key);
    const found = findActionClass(name);
    if (found !== undefined) return found;
    const names = ACTION_CLASSES.map((info) => info.name);
    throw this.error([key], `\`${name}\` is no action class${didYouMean(name, names)}`);
  }

  requiredString(key: string): string {
    const value = this.string(key);
    if (value === undefined) throw this.error([], `\`${key}\` is missing`);
    return value;
  }

  oneOf<T extends string>(key: string, words: readonly T[]): T | undefined {
    const value = this.string(key);
    const word = words.find((candidate) => candidate === value);
    if (value !== undefined && word === undefined) {
      throw this.error([key], `\`${key}\` is \`${value}\`; write \`${words.join('` or `')}\``);
    }
    return word;
  }

  boolean(key: string): boolean | undefined {
    const value = this.value[key];
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.error([key], `\`${key}\` is not true or false`);
  }

  table(key: string): Table | undefined {
    const value = this.value[key];
    if (value === undefined) return undefined;
    if (!isTable(value)) throw this.error([key], `\`${key}\` is not a table`);
    return new Table(this.#document, [...this.#path, key], value);
  }

  tables(key: string): readonly Table[] {
    const value = this.value[key];
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.error([key], `\`${key}\` is not a list; write \`[[${key}]]\``);
    return value.map((element: unknown, index) => {
      if (!isTable(element)) throw this.error([key, index], `\`${key}\` holds something that is not a table`);
      return new Table(this.#document, [...this.#path, key, index], element);
    });
  }
}

// A TOML date is an object too, but of a class of its own.
function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
