import { formatHostPort } from '../config/address.ts';
import type { ListenAddress } from '../config/config.ts';
import { type Answer, badRequest, errorAnswer, MAX_DISCARDED_BYTES, MAX_HEAD_BYTES } from './port.ts';
import { pathOf, ROUTES, type Route, routeOf } from './routes.ts';

/** Answered to HTTP/1.0, which has no `Host` to check and no chunks. */
export function wrongVersion(): Answer {
  return errorAnswer(505, 'HTTP_VERSION_NOT_SUPPORTED', 'only HTTP/1.1 is answered here');
}

/**
 * What is looked at before a body is read; the same for every adapter. Filled header by header, and used again for the
 * next request.
 */
export class RequestHead {
  method = '';
  target = '';
  route: Route | undefined = undefined;
  host: string | undefined = undefined;
  contentType: string | undefined = undefined;
  contentLength: string | undefined = undefined;
  transferEncoding: string | undefined = undefined;
  /** A header that may stand once stands twice. */
  ambiguous = false;
  bytes = 0;
  /** Those that the route reads. */
  headers: string[] = [];

  begin(method: string, target: string): void {
    this.method = method;
    this.target = target;
    this.route = routeOf(pathOf(target));
    this.host = undefined;
    this.contentType = undefined;
    this.contentLength = undefined;
    this.transferEncoding = undefined;
    this.ambiguous = false;
    this.bytes = method.length + target.length;
    this.headers = [];
  }

  /** @param name lower case */
  add(name: string, value: string): void {
    this.bytes += name.length + value.length + 4;
    const wanted = this.route?.headers;
    if (wanted === 'all' || wanted?.includes(name) === true) this.headers.push(name, value);
    // Nearly every header is told apart by its length alone.
    switch (name.length) {
      case 4:
        if (name === 'host') this.host = this.#once(this.host, value);
        break;
      case 12:
        if (name === 'content-type') this.contentType = this.#once(this.contentType, value);
        break;
      case 14:
        if (name === 'content-length') this.contentLength = this.#once(this.contentLength, value);
        break;
      case 17:
        if (name === 'transfer-encoding') this.transferEncoding = this.#once(this.transferEncoding, value);
        break;
      default:
    }
  }

  /** Whether a body follows. An answer that is given without reading it ends the connection. */
  get hasBody(): boolean {
    return (
      this.transferEncoding !== undefined || (this.contentLength !== undefined && this.contentLength !== '0')
    );
  }

  #once(before: string | undefined, value: string): string {
    if (before !== undefined) this.ambiguous = true;
    return value;
  }
}

/** Who sends a request, as its connection tells. */
export interface Peer {
  readonly isUnix: boolean;
  readonly isTrusted: boolean;
}

const DECIMAL_DIGITS = 15;
/** `GET /healthz`: the thread that listens lives. Nobody else is asked. */
export const HEALTHY: Answer = Object.freeze({ status: 200, body: '{"status":"ok"}' });

/** Where one request ends and the next begins is not known: what follows on the connection must not be read. */
export const AMBIGUOUS = badRequest('the headers can be read in more than one way');

const NOT_FOUND = errorAnswer(
  404,
  'NOT_FOUND',
  `there is ${ROUTES.map(({ path }) => `\`${path}\``).join(', ')}; see \`/openapi.json\``,
);
/** Told to a peer whose word about the calls of others is not believed. */
export const UNTRUSTED_PEER = errorAnswer(
  403,
  'UNTRUSTED_PEER',
  '`/ext_authz` is answered on the Unix socket and to networks in `sidecar.ingress.trusted`; add the network of the proxy that asks',
  [
    ['x-firma-outcome', 'DENY'],
    ['x-firma-reason', 'UNTRUSTED_PEER'],
  ],
);

/**
 * The `Host` values that are ours. A page in a browser that made a name of its own point to this address
 * (DNS rebinding) sends that name.
 */
export function ownHosts(listen: ListenAddress): ReadonlySet<string> {
  const { port } = listen;
  const hosts = [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, formatHostPort(listen)];
  return new Set(port === 80 ? [...hosts, ...hosts.map((host) => host.slice(0, -':80'.length))] : hosts);
}

function isDecimal(text: string): boolean {
  if (text.length === 0 || text.length > DECIMAL_DIGITS) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined) return false;
  if (contentType === 'application/json') return true;
  const end = contentType.indexOf(';');
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase() === 'application/json';
}

function framingProblem(head: RequestHead): Answer | undefined {
  const { contentLength, transferEncoding } = head;
  if (head.bytes > MAX_HEAD_BYTES) return headersTooLong();
  const known = transferEncoding === undefined || transferEncoding.toLowerCase() === 'chunked';
  const counted = contentLength === undefined || isDecimal(contentLength);
  const both = transferEncoding !== undefined && contentLength !== undefined;
  if (head.ambiguous || !known || !counted || both) {
    return AMBIGUOUS;
  }
  return undefined;
}

function wrongMethod(allow: string): Answer {
  return errorAnswer(405, 'METHOD_NOT_ALLOWED', `only ${allow} is answered here`, [['allow', allow]]);
}

export function headersTooLong(): Answer {
  return errorAnswer(431, 'HEADERS_TOO_LONG', `the headers are longer than ${MAX_HEAD_BYTES} bytes`);
}

export function tooLong(maxBytes: number): Answer {
  return errorAnswer(413, 'BODY_TOO_LONG', `the body is longer than ${maxBytes} bytes`);
}

/** For bodies that find no room beside those of other requests. */
export function noRoom(): Answer {
  return errorAnswer(503, 'OVERLOADED', 'too many bodies are being read, try again');
}

/**
 * Judges a request by its head.
 *
 * @param own the `Host` values that are ours; over a Unix socket any is
 * @returns the answer, where it does not take the body: `undefined` is to be read and handled
 */
export function admit(head: RequestHead, peer: Peer, own: ReadonlySet<string>): Answer | undefined {
  const framing = framingProblem(head);
  if (framing !== undefined) return framing;
  const { method, route } = head;
  if (route !== undefined && route.method === 'ANY') {
    // There `Host` is that of the call asked about: it tells nothing of who asks, the connection has to.
    if (!peer.isTrusted) return UNTRUSTED_PEER;
  } else {
    const host = head.host ?? '';
    if (!peer.isUnix && !own.has(host) && !own.has(host.toLowerCase())) {
      return errorAnswer(421, 'MISDIRECTED_REQUEST', 'the `Host` is not this server');
    }
    if (route === undefined) return NOT_FOUND;
    if (method !== route.method) return wrongMethod(route.method);
    if (route.name === 'healthz') return HEALTHY;
    if (method === 'POST' && !isJson(head.contentType)) {
      return errorAnswer(415, 'UNSUPPORTED_MEDIA_TYPE', 'the content type must be `application/json`');
    }
  }
  return lengthProblem(head, route);
}

function lengthProblem(head: RequestHead, { maxBodyBytes }: Route): Answer | undefined {
  const declared = head.contentLength === undefined ? 0 : Number(head.contentLength);
  if (maxBodyBytes === 0) return head.hasBody ? tooLong(0) : undefined;
  // What is a little longer is read and dropped, so that its sender gets to read the answer.
  return declared > maxBodyBytes + MAX_DISCARDED_BYTES ? tooLong(maxBodyBytes) : undefined;
}
