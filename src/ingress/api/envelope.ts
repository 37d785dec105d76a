import type { Call } from '../../call.ts';
import type { IngressRequest } from '../port.ts';
import { EXT_AUTHZ_PREFIX } from '../routes.ts';

/** A call that a proxy asks about, or why it cannot be read as one. */
export type AskedCall =
  { readonly call: Call } | { readonly malformed: string; readonly token: string | undefined };

const TOKEN_HEADER = 'x-firma-token';
const ORIGINAL = 'x-original-';
const ENVOY = 'x-envoy-';
const PARTIAL_BODY = 'x-envoy-auth-partial-body';
const FORWARDED_PROTO = 'x-forwarded-proto';

/** Of the exchange between proxy and us, not of the call. */
const OWN: ReadonlySet<string> = new Set([
  TOKEN_HEADER,
  FORWARDED_PROTO,
  'connection',
  'content-length',
  'host',
  'transfer-encoding',
]);

const SAID_ONCE: ReadonlySet<string> = new Set([
  TOKEN_HEADER,
  FORWARDED_PROTO,
  PARTIAL_BODY,
  'host',
  'x-original-host',
  'x-original-method',
  'x-original-proto',
  'x-original-uri',
]);

/** The four that nginx is told to set. */
interface Original {
  readonly method: string;
  readonly uri: string;
  readonly host: string;
  readonly proto: string;
}

interface Fields {
  /** Those that may stand once. */
  readonly once: ReadonlyMap<string, string>;
  /** The others, each with all its values. */
  readonly ofCall: Record<string, string | string[]>;
  readonly repeated: string | undefined;
  readonly saysOriginal: boolean;
  readonly saysEnvoy: boolean;
}

function readFields(headers: readonly string[]): Fields {
  const once = new Map<string, string>();
  // No prototype: a header may have any name.
  const ofCall: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  let repeated: string | undefined;
  let saysOriginal = false;
  let saysEnvoy = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    const value = headers[i + 1] ?? '';
    if (name.startsWith(ORIGINAL)) saysOriginal = true;
    if (name.startsWith(ENVOY)) saysEnvoy = true;
    if (SAID_ONCE.has(name)) {
      if (once.has(name)) repeated = name;
      once.set(name, value);
    } else if (!OWN.has(name) && !name.startsWith(ORIGINAL)) {
      const before = ofCall[name];
      // Never joined: one that has to stand once is of no use then, and that must show.
      if (before === undefined) ofCall[name] = value;
      else if (typeof before === 'string') ofCall[name] = [before, value];
      else before.push(value);
    }
  }
  return { once, ofCall, repeated, saysOriginal, saysEnvoy };
}

/** Whether a text can stand between `https://` and the path without being read as anything else. */
function isBareHost(host: string): boolean {
  if (host.length === 0) return false;
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i);
    // Space and below, and # / ? @ \
    if (code <= 32 || code === 35 || code === 47 || code === 63 || code === 64 || code === 92) return false;
  }
  return true;
}

function originalOf(once: ReadonlyMap<string, string>): Original | undefined {
  const method = once.get('x-original-method');
  const uri = once.get('x-original-uri');
  const host = once.get('x-original-host');
  const proto = once.get('x-original-proto');
  if (method === undefined || uri === undefined || host === undefined || proto === undefined)
    return undefined;
  return { method, uri, host, proto };
}

/**
 * The body of the call. Envoy says how long its own request is, not the call: a body that is there is known to be the
 * whole one only where Envoy says so, and one that is not there may have been left out.
 */
function bodyOf(body: Uint8Array, once: ReadonlyMap<string, string>): Uint8Array | null {
  return body.length > 0 && once.get(PARTIAL_BODY) === 'false' ? body : null;
}

function callOf(
  { method, uri, host, proto }: Original,
  body: Uint8Array | null,
  { once, ofCall }: Fields,
): AskedCall {
  const token = once.get(TOKEN_HEADER);
  if (proto !== 'http' && proto !== 'https') {
    return { malformed: 'the scheme of the call is neither `http` nor `https`', token };
  }
  if (!isBareHost(host)) return { malformed: 'the host of the call is no host', token };
  if (!uri.startsWith('/')) return { malformed: 'the path of the call does not begin with a slash', token };
  const url = `${proto}://${host}${uri}`;
  return { call: { ...(token === undefined ? {} : { token }), method, url, headers: ofCall, body } };
}

/**
 * Reads the call that Envoy (HTTP ext_authz) or nginx (auth_request) asks about.
 *
 * Envoy's own method, `Host`, and path below the prefix are the call's. nginx asks with a bare `/ext_authz/` and tells the
 * call in four headers. What can be understood in two ways is understood in none: a client may have sent a header that its
 * proxy passes on.
 */
export function readEnvelope({ method, target, headers, body }: IngressRequest): AskedCall {
  const fields = readFields(headers);
  const { once, repeated } = fields;
  const token = repeated === TOKEN_HEADER ? undefined : once.get(TOKEN_HEADER);
  if (repeated !== undefined) return { malformed: `the header \`${repeated}\` stands twice`, token };
  const path = target.slice(EXT_AUTHZ_PREFIX.length);
  if (!fields.saysOriginal) {
    const host = once.get('host') ?? '';
    const proto = once.get(FORWARDED_PROTO) ?? '';
    if (proto === '') return { malformed: 'the header `x-forwarded-proto` is missing', token };
    return callOf({ method, uri: path, host, proto }, bodyOf(body, once), fields);
  }
  // nginx asks with a GET of its own, whatever the call is, and says the scheme in a header of ours alone.
  if ((path !== '' && path !== '/') || fields.saysEnvoy || method !== 'GET' || once.has(FORWARDED_PROTO)) {
    return {
      malformed:
        'the call is told by path and by `x-original-*` headers at once; nginx has to ask `/ext_authz/`',
      token,
    };
  }
  const original = originalOf(once);
  if (original === undefined) {
    return {
      malformed:
        'one of `x-original-method`, `x-original-uri`, `x-original-host` and `x-original-proto` is missing',
      token,
    };
  }
  return callOf(original, null, fields);
}
