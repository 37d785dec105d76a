import type { MixEndpoint } from './mix.ts';
import type { LoadTarget } from './result.ts';
import { decideVerdict, extAuthzVerdict, proxyVerdict, type ReadVerdict } from './verdict.ts';

/** How requests of a mix are written for one kind of target, and their answers read. */
export interface Wire {
  /**
   * The bytes of a request, each a character.
   *
   * @param credential the caller's token; for the proxy its `user:password` in base64
   * @param endpoint position in the mix
   */
  request(credential: string, endpoint: number): string;
  readonly readVerdict: ReadVerdict;
}

export interface WireOptions {
  readonly endpoints: readonly MixEndpoint[];
  /** The `Host` of the decision API. */
  readonly hostHeader: string;
  /** For the decision API: bodies are filled up to so many bytes; those that are longer stay so. */
  readonly bodyBytes: number;
  /** Length of a credential, about. */
  readonly credentialChars: number;
}

const CRLF = '\r\n';
const PAD_HEADER = 'x-padding';

/** JSON whose every character is one byte. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function splitUrl(url: string): { readonly scheme: string; readonly host: string; readonly target: string } {
  const start = url.indexOf('://') + 3;
  const end = url.slice(start).search(/[/?]/);
  const host = end < 0 ? url.slice(start) : url.slice(start, start + end);
  const target = end < 0 ? '/' : url.slice(start + end);
  return { scheme: url.slice(0, start - 3), host, target: target.startsWith('/') ? target : `/${target}` };
}

function headerLines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}${CRLF}`)
    .join('');
}

/** Everything of a call behind its token, up to the end of the JSON. */
function callTail(endpoint: MixEndpoint, { bodyBytes, credentialChars }: WireOptions): string {
  const { method, url, body } = endpoint;
  const tail = (headers: Readonly<Record<string, string>>): string =>
    `",${asciiJson({ method, url, headers, ...(body === '' ? {} : { body }) }).slice(1)}`;
  const plain = tail(endpoint.headers);
  const empty = tail({ ...endpoint.headers, [PAD_HEADER]: '' });
  const missing = bodyBytes - TOKEN_START.length - credentialChars - empty.length;
  return missing < 0 ? plain : tail({ ...endpoint.headers, [PAD_HEADER]: 'x'.repeat(missing) });
}

const TOKEN_START = '{"token":"';

function decideWire(options: WireOptions): Wire {
  const tails = options.endpoints.map((endpoint) => callTail(endpoint, options));
  const head = `POST /v1/decide HTTP/1.1${CRLF}host: ${options.hostHeader}${CRLF}content-type: application/json${CRLF}content-length: `;
  return {
    request(credential, endpoint) {
      const tail = tails[endpoint] ?? '';
      const length = TOKEN_START.length + credential.length + tail.length;
      return `${head}${length}${CRLF}${CRLF}${TOKEN_START}${credential}${tail}`;
    },
    readVerdict: decideVerdict,
  };
}

/** Requests whose credential stands in a header, between two parts that are always the same. */
function headerWire(
  parts: readonly { readonly before: string; readonly after: string }[],
  readVerdict: ReadVerdict,
): Wire {
  return {
    request(credential, endpoint) {
      const part = parts[endpoint];
      return part === undefined ? '' : part.before + credential + part.after;
    },
    readVerdict,
  };
}

function rest({ headers, body }: MixEndpoint): string {
  const bytes = bytesOf(body);
  return `${CRLF}${headerLines(headers)}content-length: ${bytes.length}${CRLF}${CRLF}${bytes}`;
}

function extAuthzWire({ endpoints }: WireOptions): Wire {
  const parts = endpoints.map((endpoint) => {
    const { scheme, host, target } = splitUrl(endpoint.url);
    const line = `${endpoint.method} /ext_authz${target} HTTP/1.1${CRLF}`;
    return {
      before: `${line}host: ${host}${CRLF}x-forwarded-proto: ${scheme}${CRLF}x-firma-token: `,
      after: rest(endpoint),
    };
  });
  return headerWire(parts, extAuthzVerdict);
}

/** Absolute-form (RFC 9112 §3.2.2), for https too: the proxy speaks TLS to the upstream, and none is spoken to it. */
function proxyWire({ endpoints }: WireOptions): Wire {
  const parts = endpoints.map((endpoint) => {
    const { scheme, host, target } = splitUrl(endpoint.url);
    const line = `${endpoint.method} ${scheme}://${host}${target} HTTP/1.1${CRLF}`;
    return { before: `${line}host: ${host}${CRLF}proxy-authorization: Basic `, after: rest(endpoint) };
  });
  return headerWire(parts, proxyVerdict);
}

const WIRES: Readonly<Record<LoadTarget, (options: WireOptions) => Wire>> = {
  decide: decideWire,
  ext_authz: extAuthzWire,
  proxy: proxyWire,
};

/** How a target is spoken to. */
export function wireOf(target: LoadTarget, options: WireOptions): Wire {
  return WIRES[target](options);
}
