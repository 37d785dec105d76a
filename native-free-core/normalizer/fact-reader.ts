import type { RawRequest } from './envelope.ts';
import { couldMean, formValue, readForm, Unreadable, type FormPair } from './form.ts';
import { isOverrideKey } from './method-override.ts';
import { JsonNumber, readJson, type JsonValue } from './json-reader.ts';
import type { ParamSpec } from './param-spec.ts';

/** Bytes of a body that is read for its facts; a longer one cannot be told exactly. */
export const MAX_FACT_BODY = 65_536;
const MAX_STRING_BYTES = 1024;

type Fact = number | string | undefined | Unreadable;
type Body =
  | { readonly kind: 'empty' }
  | { readonly kind: 'form'; readonly pairs: readonly FormPair[] }
  | { readonly kind: 'json'; readonly value: JsonValue };

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();
const EMPTY: Body = { kind: 'empty' };

/** Reads the facts of one call; body and query are parsed once, whatever the number of readings. */
export class FactReader {
  readonly #raw: RawRequest;
  readonly #queryText: string;
  readonly #bytes: Uint8Array | undefined;
  #query: readonly FormPair[] | Unreadable | undefined;
  #body: Body | Unreadable | undefined;
  // Several readings may ask for the same fact of the same body.
  readonly #facts = new Map<ParamSpec, Fact>();

  /** @param bytes the whole body, or undefined where it was not read to its end */
  constructor(raw: RawRequest, query: string, bytes: Uint8Array | undefined) {
    this.#raw = raw;
    this.#queryText = query;
    this.#bytes = bytes;
  }

  /**
   * The exact value of a fact; undefined where the request was read whole and does not have it.
   *
   * @param path of the reading's resource
   */
  read(spec: ParamSpec, path: string): Fact {
    if (spec.source === 'path') return typed(spec, pathSegment(path, spec.segment));
    if (!this.#facts.has(spec)) this.#facts.set(spec, this.#find(spec));
    return this.#facts.get(spec);
  }

  #find(spec: ParamSpec): Fact {
    switch (spec.source) {
      case 'form':
        return this.#form(spec);
      case 'json':
        return this.#json(spec);
      case 'query':
        return this.#fromQuery(spec);
      case 'header':
        return this.#header(spec);
      case 'path':
        return undefined;
    }
  }

  #form(spec: ParamSpec): Fact {
    const body = this.#readBody();
    if (body instanceof Unreadable) return body;
    if (body.kind === 'json') return new Unreadable('the body is not `application/x-www-form-urlencoded`');
    const inQuery = this.#absentFromQuery(spec.key);
    if (inQuery !== undefined || body.kind === 'empty') return inQuery;
    return typed(spec, formValue(body.pairs, spec.key));
  }

  #json(spec: ParamSpec): Fact {
    const body = this.#readBody();
    if (body instanceof Unreadable) return body;
    if (body.kind === 'form') return new Unreadable('the body is not `application/json`');
    const inQuery = this.#absentFromQuery(spec.pointer[0] ?? '');
    if (inQuery !== undefined || body.kind === 'empty') return inQuery;
    return jsonFact(spec, body.value);
  }

  #fromQuery(spec: ParamSpec): Fact {
    const query = this.#readQuery();
    if (query instanceof Unreadable) return query;
    const body = this.#readBody();
    if (body instanceof Unreadable) return body;
    for (const name of bodyNames(body)) {
      if (couldMean(name, spec.key)) return new Unreadable(`\`${spec.key}\` is in the body as well`);
    }
    return typed(spec, formValue(query, spec.key));
  }

  #header(spec: ParamSpec): Fact {
    const values = this.#raw.headers.get(spec.key) ?? [];
    if (values.length > 1) return new Unreadable(`the header \`${spec.key}\` is given twice`);
    const [value] = values;
    if (value !== undefined && !/^[\x20-\x7e]*$/.test(value)) {
      return new Unreadable(`the header \`${spec.key}\` is not printable ASCII`);
    }
    return typed(spec, value);
  }

  /** Undefined where the query does not have the key: many servers read one from there as well. */
  #absentFromQuery(key: string): Unreadable | undefined {
    const query = this.#readQuery();
    if (query instanceof Unreadable) return query;
    return formValue(query, key) === undefined ? undefined : new Unreadable(`\`${key}\` is in the query`);
  }

  #readQuery(): readonly FormPair[] | Unreadable {
    this.#query ??= readForm(this.#queryText.slice(1)) ?? new Unreadable('the query is not a form');
    return this.#query;
  }

  #readBody(): Body | Unreadable {
    this.#body ??= parseBody(this.#raw, this.#bytes);
    return this.#body;
  }
}

function parseBody(raw: RawRequest, bytes: Uint8Array | undefined): Body | Unreadable {
  if (bytes === undefined || bytes.length > MAX_FACT_BODY) {
    return new Unreadable(`the body is incomplete or longer than ${MAX_FACT_BODY} bytes`);
  }
  if (raw.bodyLength !== undefined && raw.bodyLength !== bytes.length) {
    return new Unreadable('the body is not as long as it was declared');
  }
  const codings = raw.headers.get('content-encoding') ?? [];
  for (const coding of codings) {
    if (coding.trim().toLowerCase() !== 'identity') return new Unreadable('the body has a content coding');
  }
  if (bytes.length === 0) return EMPTY;
  const kind = bodyKind(raw.headers.get('content-type') ?? []);
  if (kind === undefined) return new Unreadable('the body is neither a form nor JSON, in UTF-8');
  const text = decodeUtf8(bytes);
  if (text === undefined) return new Unreadable('the body is not valid UTF-8');
  if (kind === 'form') {
    const pairs = readForm(text);
    if (pairs === undefined) return new Unreadable('the body is not a valid form');
    // The usual place of a method override; by the time the body is read the call is classified.
    if (pairs.some(({ name }) => isOverrideKey(name))) return new Unreadable('the body has a `_method`');
    return { kind, pairs };
  }
  const value = readJson(text);
  return value === undefined
    ? new Unreadable('the body is not JSON, or has a key twice, or is nested too deep')
    : { kind, value };
}

function bodyKind(types: readonly string[]): 'form' | 'json' | undefined {
  const [written = ''] = types;
  if (types.length !== 1 || written.includes(',')) return undefined;
  const charsets = written.matchAll(/;\s*charset\s*=\s*"?([^";]*)/gi);
  for (const [, charset = ''] of charsets) if (charset.trim().toLowerCase() !== 'utf-8') return undefined;
  const [type = ''] = written.split(';');
  const name = type.trim().toLowerCase();
  if (name === 'application/x-www-form-urlencoded') return 'form';
  return /^application\/(?:[a-z0-9.-]+\+)?json$/.test(name) ? 'json' : undefined;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}

function bodyNames(body: Body): readonly string[] {
  if (body.kind === 'form') return body.pairs.flatMap((pair) => [pair.name, ...pair.hidden]);
  return body.kind === 'json' && body.value instanceof Map ? [...body.value.keys()] : [];
}

function jsonFact(spec: ParamSpec, root: JsonValue): Fact {
  let value = root;
  for (const token of spec.pointer) {
    const next = step(value, token);
    if (next === undefined || next instanceof Unreadable) return next;
    value = next;
  }
  if (spec.type === 'long') return value instanceof JsonNumber ? typed(spec, value.text) : outsideType(spec);
  return typeof value === 'string' ? typed(spec, value) : outsideType(spec);
}

function step(value: JsonValue, token: string): JsonValue | undefined | Unreadable {
  if (value instanceof Map) {
    for (const name of value.keys()) {
      if (name !== token && couldMean(name, token)) {
        return new Unreadable(`\`${token}\` is given in another spelling`);
      }
    }
    return value.get(token);
  }
  if (Array.isArray(value) && /^(?:0|[1-9][0-9]{0,5})$/.test(token)) return value[Number(token)];
  return new Unreadable(`\`${token}\` is looked for in something that is not an object`);
}

function pathSegment(path: string, index: number): string | undefined | Unreadable {
  let start = 1;
  for (let skipped = 0; skipped < index; skipped++) {
    const slash = path.indexOf('/', start);
    if (slash === -1) return undefined;
    start = slash + 1;
  }
  const end = path.indexOf('/', start);
  const segment = path.slice(start, end === -1 ? path.length : end);
  if (segment === '') return undefined;
  try {
    return decodeURIComponent(segment);
  } catch {
    return new Unreadable(`path segment ${index + 1} is not valid UTF-8`);
  }
}

function typed(spec: ParamSpec, value: string | undefined | Unreadable): Fact {
  if (typeof value !== 'string') return value;
  if (spec.type === 'long') {
    const amount = /^(?:0|[1-9][0-9]{0,15})$/.test(value) ? Number(value) : Number.NaN;
    return Number.isSafeInteger(amount) ? amount : outsideType(spec);
  }
  if (spec.name === 'currency') return /^[A-Za-z]{3}$/.test(value) ? value.toLowerCase() : outsideType(spec);
  return ENCODER.encode(value).length <= MAX_STRING_BYTES ? value : outsideType(spec);
}

function outsideType(spec: ParamSpec): Unreadable {
  if (spec.type === 'long') return new Unreadable(`\`${spec.name}\` is not an integer from 0 to 2^53-1`);
  if (spec.name === 'currency') return new Unreadable('`currency` is not three letters');
  return new Unreadable(`\`${spec.name}\` is not a string of at most ${MAX_STRING_BYTES} bytes`);
}
