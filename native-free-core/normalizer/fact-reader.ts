import type { BodyContent, CallBody } from './call-body.ts';
import type { RawRequest } from './envelope.ts';
import { couldMean, sharesRoot } from './form-key.ts';
import { allNames, formValue, readForm, Unreadable, type FormPair } from './form.ts';
import { JsonNumber, type JsonValue } from './json-reader.ts';
import type { ParamSpec } from './param-spec.ts';

const MAX_STRING_BYTES = 1024;

type Fact = number | string | undefined | Unreadable;
const ENCODER = new TextEncoder();

/** Reads the facts of one call; body and query are parsed once, whatever the number of readings. */
export class FactReader {
  readonly #raw: RawRequest;
  readonly #queryText: string;
  readonly #body: CallBody;
  #query: readonly FormPair[] | Unreadable | undefined;
  // Several readings may ask for the same fact of the same body.
  readonly #facts = new Map<ParamSpec, Fact>();

  constructor(raw: RawRequest, query: string, body: CallBody) {
    this.#raw = raw;
    this.#queryText = query;
    this.#body = body;
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
    const body = this.#body.content();
    if (body instanceof Unreadable) return body;
    if (body.kind === 'json') return new Unreadable('the body is not a form');
    const inQuery = this.#absentFromQuery(spec.key, spec);
    if (inQuery !== undefined || body.kind === 'empty') return inQuery;
    for (const name of body.strayNames) {
      if (sharesRoot(name, spec.parts)) {
        return new Unreadable(`\`${spec.key}\` is in the coded body without being decoded`);
      }
    }
    return typed(spec, formValue(body.pairs, spec.key, spec.parts));
  }

  #json(spec: ParamSpec): Fact {
    const body = this.#body.content();
    if (body instanceof Unreadable) return body;
    if (body.kind === 'form') return new Unreadable('the body is not `application/json`');
    const inQuery = this.#absentFromQuery(spec.parts[0] ?? '', spec);
    if (inQuery !== undefined || body.kind === 'empty') return inQuery;
    return jsonFact(spec, body.value);
  }

  #fromQuery(spec: ParamSpec): Fact {
    const query = this.#readQuery();
    if (query instanceof Unreadable) return query;
    const body = this.#body.content();
    if (body instanceof Unreadable) return body;
    for (const name of bodyNames(body)) {
      if (sharesRoot(name, spec.parts)) return new Unreadable(`\`${spec.key}\` is in the body as well`);
    }
    return typed(spec, formValue(query, spec.key, spec.parts));
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
  #absentFromQuery(key: string, { parts }: ParamSpec): Unreadable | undefined {
    const query = this.#readQuery();
    if (query instanceof Unreadable) return query;
    const isThere = allNames(query).some((name) => sharesRoot(name, parts));
    return isThere ? new Unreadable(`\`${key}\` is in the query`) : undefined;
  }

  #readQuery(): readonly FormPair[] | Unreadable {
    this.#query ??= readForm(this.#queryText.slice(1)) ?? new Unreadable('the query is not a form');
    return this.#query;
  }
}

function bodyNames(body: BodyContent): readonly string[] {
  if (body.kind === 'form') return [...allNames(body.pairs), ...body.strayNames];
  return body.kind === 'json' && body.value instanceof Map ? [...body.value.keys()] : [];
}

function jsonFact(spec: ParamSpec, root: JsonValue): Fact {
  let value = root;
  for (const token of spec.parts) {
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
  // A NUL ends a string for some servers.
  if (value.includes('\0')) return outsideType(spec);
  return ENCODER.encode(value).length <= MAX_STRING_BYTES ? value : outsideType(spec);
}

function outsideType(spec: ParamSpec): Unreadable {
  if (spec.type === 'long') return new Unreadable(`\`${spec.name}\` is not an integer from 0 to 2^53-1`);
  if (spec.name === 'currency') return new Unreadable('`currency` is not three letters');
  return new Unreadable(
    `\`${spec.name}\` is not a string of at most ${MAX_STRING_BYTES} bytes without a NUL`,
  );
}
