/** Fields by which some servers take a request for one to another host or path than was classified. */
const OTHER_TARGETS: readonly string[] = [
  'x-forwarded-host',
  'x-http-path-override',
  'x-original-url',
  'x-rewrite-url',
];

/** Fields that belong to one connection (RFC 9110 §7.6.1), and those this proxy writes itself. */
const CONNECTION_FIELDS: readonly string[] = [
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

const NOT_FORWARDED: ReadonlySet<string> = new Set([...CONNECTION_FIELDS, ...OTHER_TARGETS]);

/** What an agent may hold instead of the real thing; ours is set after these are gone. */
const CREDENTIALS: readonly string[] = ['authorization', 'cookie', 'proxy-authorization', 'x-api-key'];

/** A response's length is kept: it is how the agent notices that a body ended early. */
const NOT_RETURNED: ReadonlySet<string> = new Set(
  CONNECTION_FIELDS.filter((name) => name !== 'content-length' && name !== 'host' && name !== 'expect'),
);

const NO_NAMES: ReadonlySet<string> = new Set();
const OTHER_MARKS = /[^a-z0-9-]/;

/** The fields a `Connection` header names, lower case. */
export function connectionOptions(values: readonly string[]): ReadonlySet<string> {
  if (values.length === 0) return NO_NAMES;
  const names = new Set<string>();
  for (const value of values) for (const part of value.split(',')) names.add(part.trim().toLowerCase());
  names.delete('keep-alive');
  names.delete('close');
  return names;
}

/** Many servers read `x_api_key` as `x-api-key`, and some every mark (CGI has one name for all of them). */
function withHyphens(name: string): string {
  return OTHER_MARKS.test(name) ? name.replaceAll(/[^a-z0-9]/g, '-') : name;
}

/**
 * Which request fields go to the upstream: everything but what is about the connection, what `Connection` names, what
 * names another target and what carries a credential.
 */
export class RequestHeaderFilter {
  readonly #credentials: ReadonlySet<string>;
  readonly #classified: ReadonlySet<string>;

  /**
   * @param credentialHeaders lower-case names that credential entries set
   * @param classified lower-case names that classification reads: what a server may take for one of them, but
   *   classification does not, is not sent
   */
  constructor(credentialHeaders: readonly string[], classified: ReadonlySet<string>) {
    this.#classified = classified;
    this.#credentials = new Set([...CREDENTIALS, ...credentialHeaders].map((name) => withHyphens(name)));
  }

  /** @param name lower case */
  isCredential(name: string): boolean {
    return this.#credentials.has(withHyphens(name));
  }

  /**
   * @param raw names and values in turn, as received
   * @param dropped lower-case names that `Connection` listed
   * @returns names and values in turn, order and repetition kept
   */
  forwarded(raw: readonly string[], dropped: ReadonlySet<string>): string[] {
    const kept: string[] = [];
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i] ?? '';
      const lower = name.toLowerCase();
      if (NOT_FORWARDED.has(withHyphens(lower)) || dropped.has(lower) || this.isCredential(lower)) continue;
      if (OTHER_MARKS.test(lower) && this.#classified.has(withHyphens(lower))) continue;
      kept.push(name, raw[i + 1] ?? '');
    }
    return kept;
  }
}

/** Response fields for the agent: everything but what is about the upstream's connection; repetition kept. */
export function returnedHeaders(raw: readonly (Buffer | string)[]): string[] {
  const text = raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
  const connection: string[] = [];
  for (let i = 0; i + 1 < text.length; i += 2) {
    if (text[i]?.toLowerCase() === 'connection') connection.push(text[i + 1] ?? '');
  }
  const dropped = connectionOptions(connection);
  const kept: string[] = [];
  for (let i = 0; i + 1 < text.length; i += 2) {
    const name = text[i] ?? '';
    const lower = name.toLowerCase();
    if (NOT_RETURNED.has(lower) || (dropped.has(lower) && lower !== 'content-length')) continue;
    kept.push(name, text[i + 1] ?? '');
  }
  return kept;
}

/** Whether a value may stand in a header: visible ASCII with spaces inside, nothing that could start another line. */
export function isHeaderValue(value: string): boolean {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value);
}
