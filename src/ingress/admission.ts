import type { ListenAddress } from '../config/config.ts';
import { formatHostPort } from '../config/address.ts';
import { type Answer, errorAnswer, MAX_BODY_BYTES, MAX_DISCARDED_BYTES, MAX_HEAD_BYTES } from './port.ts';

/** Answered to HTTP/1.0, which has no `Host` to check and no chunks. */
export function wrongVersion(): Answer {
  return errorAnswer(505, 'HTTP_VERSION_NOT_SUPPORTED', 'only HTTP/1.1 is answered here');
}

/** What is looked at before a body is read; the same for every adapter. */
export interface RequestHead {
  readonly method: string;
  /** Request target without its query. */
  readonly path: string;
  readonly host: string;
  readonly contentType: string;
  readonly contentLength: string;
  readonly transferEncoding: string;
  /** A header that may stand once stands twice. */
  readonly ambiguous: boolean;
  readonly bytes: number;
}

/** What to do with a request: read its body and decide, or answer at once. */
export type Admission = Answer | 'decide';

const DECIDE_PATH = '/v1/decide';
const HEALTH_PATH = '/healthz';
const HEALTHY: Answer = { status: 200, body: '{"status":"ok"}' };
const DIGITS = /^[0-9]{1,15}$/;

/** @param headers names and values in turn, as received */
export function readHead(method: string, target: string, headers: readonly string[]): RequestHead {
  let host: string | undefined;
  let contentType: string | undefined;
  let contentLength: string | undefined;
  let transferEncoding: string | undefined;
  let ambiguous = false;
  let bytes = method.length + target.length;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    const value = headers[i + 1] ?? '';
    bytes += name.length + value.length + 4;
    if (name === 'host') {
      ambiguous ||= host !== undefined;
      host = value;
    } else if (name === 'content-type') {
      ambiguous ||= contentType !== undefined;
      contentType = value;
    } else if (name === 'content-length') {
      ambiguous ||= contentLength !== undefined;
      contentLength = value;
    } else if (name === 'transfer-encoding') {
      ambiguous ||= transferEncoding !== undefined;
      transferEncoding = value;
    }
  }
  const query = target.indexOf('?');
  return {
    method,
    path: query < 0 ? target : target.slice(0, query),
    host: host ?? '',
    contentType: contentType ?? '',
    contentLength: contentLength ?? '',
    transferEncoding: transferEncoding ?? '',
    ambiguous,
    bytes,
  };
}

/** Whether a body follows. An answer that is given without reading it ends the connection. */
export function hasBody(head: RequestHead): boolean {
  return head.transferEncoding !== '' || (head.contentLength !== '' && head.contentLength !== '0');
}

/**
 * The `Host` values that are ours. A page in a browser that made a name of its own point to this address
 * (DNS rebinding) sends that name.
 */
export function ownHosts(listen: ListenAddress): ReadonlySet<string> {
  const { port } = listen;
  const hosts = [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, formatHostPort(listen)];
  return new Set(port === 80 ? [...hosts, ...hosts.map((host) => host.slice(0, -':80'.length))] : hosts);
}

function isJson(contentType: string): boolean {
  const end = contentType.indexOf(';');
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase() === 'application/json';
}

function framingProblem(head: RequestHead): Answer | undefined {
  const { contentLength, transferEncoding } = head;
  if (head.bytes > MAX_HEAD_BYTES) {
    return errorAnswer(431, 'HEADERS_TOO_LONG', `the headers are longer than ${MAX_HEAD_BYTES} bytes`);
  }
  const known = transferEncoding === '' || transferEncoding.toLowerCase() === 'chunked';
  const counted = contentLength === '' || DIGITS.test(contentLength);
  const both = transferEncoding !== '' && contentLength !== '';
  if (head.ambiguous || !known || !counted || both) {
    return errorAnswer(400, 'BAD_REQUEST', 'the headers can be read in more than one way');
  }
  return undefined;
}

function wrongMethod(allow: string): Answer {
  return { ...errorAnswer(405, 'METHOD_NOT_ALLOWED', `only ${allow} is answered here`), allow };
}

export function tooLong(): Answer {
  return errorAnswer(413, 'BODY_TOO_LONG', `the body is longer than ${MAX_BODY_BYTES} bytes`);
}

/** Judges a request by its head. */
export function admit(head: RequestHead, own: ReadonlySet<string>): Admission {
  const framing = framingProblem(head);
  if (framing !== undefined) return framing;
  if (!own.has(head.host.toLowerCase())) {
    return errorAnswer(421, 'MISDIRECTED_REQUEST', 'the `Host` is not this server');
  }
  if (head.path === HEALTH_PATH) return head.method === 'GET' ? HEALTHY : wrongMethod('GET');
  if (head.path !== DECIDE_PATH) return errorAnswer(404, 'NOT_FOUND', 'there is `/v1/decide` and `/healthz`');
  if (head.method !== 'POST') return wrongMethod('POST');
  if (!isJson(head.contentType)) {
    return errorAnswer(415, 'UNSUPPORTED_MEDIA_TYPE', 'the content type must be `application/json`');
  }
  return Number(head.contentLength) > MAX_DISCARDED_BYTES ? tooLong() : 'decide';
}
