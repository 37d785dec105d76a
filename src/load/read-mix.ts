import { ConfigInvalid, parseToml, type TomlDocument, type TomlPath } from '@firma/core';
import { type Mix, MIX_DEFAULTS, type MixEndpoint } from './mix.ts';

const MAX_ENDPOINTS = 10_000;
const MAX_URL_CHARS = 8 * 1024;
const MAX_BODY_CHARS = 64 * 1024;
const MAX_HEADERS = 64;
const MAX_ZIPF = 4;
const MAX_CALLS = 1_000_000_000;
const METHOD = /^[A-Z][A-Z-]{0,31}$/;
/** Of their answers a load run could not tell the end. */
const UNSENDABLE = new Set(['HEAD', 'CONNECT']);
const URL_START = /^https?:\/\/[^/?#\s]+(?:[/?][\x21-\x7e]*)?$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const HEADER_VALUE = /^[\x20-\x7e]{0,8192}$/;
/** The run sets these itself. */
const OWN_HEADERS = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'x-firma-token']);

type Fields = Readonly<Record<string, unknown>>;

function isTable(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A table of the file with the place it has there. */
class MixTable {
  readonly #document: TomlDocument;
  readonly #path: TomlPath;
  readonly #value: Fields;

  /** @throws ConfigInvalid for a key that is none of `keys` */
  constructor(document: TomlDocument, path: TomlPath, value: unknown, keys: readonly string[]) {
    this.#document = document;
    this.#path = path;
    if (!isTable(value)) throw this.error('', `\`${path.join('.')}\` is not a table`);
    this.#value = value;
    for (const key of Object.keys(value)) {
      if (keys.includes(key)) continue;
      throw this.error(
        key,
        `\`${key}\` is no key here; there are ${keys.map((one) => `\`${one}\``).join(', ')}`,
      );
    }
  }

  error(key: string, message: string): ConfigInvalid {
    return new ConfigInvalid(message, this.#document.locate([...this.#path, key]));
  }

  number(key: string, otherwise: number, most: number): number {
    const value = this.#value[key] ?? otherwise;
    if (typeof value === 'number' && value >= 0 && value <= most) return value;
    throw this.error(key, `\`${key}\` is not a number from 0 to ${most}`);
  }

  texts(key: string, otherwise: readonly string[] | undefined): readonly string[] {
    const value = this.#value[key] ?? otherwise;
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
    throw this.error(key, `\`${key}\` is not a list of strings`);
  }

  text(key: string, otherwise: string | undefined, maxChars: number): string {
    const value = this.#value[key] ?? otherwise;
    if (typeof value === 'string' && value.length <= maxChars) return value;
    throw this.error(key, `\`${key}\` is not a string of at most ${maxChars} characters`);
  }

  flag(key: string): boolean {
    const value = this.#value[key] ?? false;
    if (typeof value === 'boolean') return value;
    throw this.error(key, `\`${key}\` is neither true nor false`);
  }

  headers(key: string): Readonly<Record<string, string>> {
    const value = this.#value[key] ?? {};
    if (!isTable(value)) throw this.error(key, `\`${key}\` is not a table of strings`);
    const headers: Record<string, string> = {};
    for (const [name, text] of Object.entries(value)) {
      if (!HEADER_NAME.test(name) || OWN_HEADERS.has(name.toLowerCase())) {
        throw this.error(key, `\`${key}\` has a name that no request of a mix has`);
      }
      if (typeof text !== 'string' || !HEADER_VALUE.test(text)) {
        throw this.error(key, `\`${key}.${name}\` is no header value of printable ASCII`);
      }
      headers[name] = text;
    }
    if (Object.keys(headers).length > MAX_HEADERS) {
      throw this.error(key, `\`${key}\` has more than ${MAX_HEADERS} entries`);
    }
    return headers;
  }
}

function readEndpoint(document: TomlDocument, value: unknown, index: number): MixEndpoint {
  const keys = ['method', 'url', 'headers', 'body', 'denied'];
  const table = new MixTable(document, ['endpoints', index], value, keys);
  const method = table.text('method', 'GET', 32);
  if (!METHOD.test(method) || UNSENDABLE.has(method)) {
    throw table.error('method', '`method` is no method that a load run sends');
  }
  const url = table.text('url', undefined, MAX_URL_CHARS);
  if (!URL_START.test(url)) {
    throw table.error(
      'url',
      '`url` is not absolute, or holds what a request line cannot; write `https://host/path`',
    );
  }
  const body = table.text('body', '', MAX_BODY_CHARS);
  // A lone surrogate has no bytes.
  if (/[\uD800-\uDFFF]/u.test(body)) throw table.error('body', '`body` is not well-formed Unicode');
  return { method, url, headers: table.headers('headers'), body, denied: table.flag('denied') };
}

/**
 * Reads a mix file.
 *
 * @throws ConfigInvalid with file and line for what is no mix
 */
export function readMix(text: string, file: string): Mix {
  const document = parseToml(text, file, (message, at) => new ConfigInvalid(message, at));
  const root = new MixTable(document, [], document.value, ['agents', 'calls', 'endpoints']);
  const { agents = {}, calls = {}, endpoints } = document.value;
  if (!Array.isArray(endpoints) || endpoints.length > MAX_ENDPOINTS) {
    throw root.error('endpoints', `a mix has 1 to ${MAX_ENDPOINTS} tables \`[[endpoints]]\``);
  }
  const who = new MixTable(document, ['agents'], agents, [
    ...['actions', 'scope', 'groups', 'zipf', 'calls_per_session'],
  ]);
  const what = new MixTable(document, ['calls'], calls, ['zipf', 'denials', 'cold_tokens']);
  const { agents: agentDefaults, calls: callDefaults } = MIX_DEFAULTS;
  const mix: Mix = {
    agents: {
      actions: who.texts('actions', undefined),
      scope: who.texts('scope', agentDefaults.scope),
      groups: who.texts('groups', agentDefaults.groups),
      zipf: who.number('zipf', agentDefaults.zipf, MAX_ZIPF),
      callsPerSession: who.number('calls_per_session', agentDefaults.callsPerSession, MAX_CALLS),
    },
    calls: {
      zipf: what.number('zipf', callDefaults.zipf, MAX_ZIPF),
      denials: what.number('denials', callDefaults.denials, 1),
      coldTokens: what.number('cold_tokens', callDefaults.coldTokens, 1),
    },
    endpoints: endpoints.map((value: unknown, index) => readEndpoint(document, value, index)),
  };
  const hasDenied = mix.endpoints.some(({ denied }) => denied);
  const hasOther = mix.endpoints.some(({ denied }) => !denied);
  if (mix.calls.denials > 0 && !hasDenied) {
    throw what.error('denials', 'no endpoint is `denied`; mark one, or write `denials = 0`');
  }
  if (mix.calls.denials < 1 && !hasOther) {
    throw what.error('denials', 'every endpoint is `denied`; add another, or write `denials = 1`');
  }
  return mix;
}
