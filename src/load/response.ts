import { type ChunkedBody, readChunks } from './chunked.ts';

/** One response, as far as a load run reads it. */
export interface HttpResponse {
  readonly status: number;
  /** Status line and headers as received, without the empty line behind them. */
  readonly head: string;
  readonly body: string;
  /** Whether the other side will close the connection. */
  readonly closes: boolean;
}

/** What reading came to: a response, `more` where it is not all here yet, `malformed` where it will never be one. */
export type ReadResult = HttpResponse | 'more' | 'malformed';

const MAX_HEAD_BYTES = 32 * 1024;
const MAX_BODY_BYTES = 1024 * 1024;
const HEAD_END = '\r\n\r\n';
const STATUS_LINE = /^HTTP\/1\.1 ([2-5][0-9]{2})(?: |\r\n|$)/;
const LENGTH = /^[0-9]{1,9}$/;
const NO_BYTES = Buffer.alloc(0);

/** The value of a header, undefined where it is absent, `twice` where it stands twice. */
export function headerOf(head: string, name: string): string | undefined {
  const lower = head.toLowerCase();
  const wanted = `\r\n${name}:`;
  const at = lower.indexOf(wanted);
  if (at < 0) return undefined;
  if (lower.includes(wanted, at + wanted.length)) return 'twice';
  const end = head.indexOf('\r\n', at + wanted.length);
  return head.slice(at + wanted.length, end < 0 ? head.length : end).trim();
}

/** How the body is framed: by its length, in chunks; undefined where that is in doubt. */
function framingOf(status: number, head: string): number | 'chunked' | undefined {
  if (status === 204 || status === 304) return 0;
  const length = headerOf(head, 'content-length');
  const coding = headerOf(head, 'transfer-encoding');
  if (coding !== undefined) {
    return length === undefined && coding.toLowerCase() === 'chunked' ? 'chunked' : undefined;
  }
  if (length === undefined || !LENGTH.test(length)) return undefined;
  return Number(length) > MAX_BODY_BYTES ? undefined : Number(length);
}

/**
 * Reads the responses of one connection on which one request is under way at a time. Little is understood, and all else
 * is malformed: HTTP/1.1 with one `content-length` or plain chunks, no byte behind the body.
 */
export class ResponseReader {
  #kept = NO_BYTES;

  /** @param bytes only looked at during the call */
  push(bytes: Buffer): ReadResult {
    // Nearly always a response comes in one piece, and nothing is copied.
    const all = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    const result = readResponse(all);
    this.#kept = result === 'more' ? Buffer.from(all) : NO_BYTES;
    return result;
  }
}

function readResponse(bytes: Buffer): ReadResult {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return bytes.length > MAX_HEAD_BYTES ? 'malformed' : 'more';
  const head = bytes.toString('latin1', 0, headEnd);
  const status = Number(STATUS_LINE.exec(head)?.[1] ?? 0);
  const framing = framingOf(status, head);
  if (status === 0 || framing === undefined) return 'malformed';
  const read = readBody(bytes, headEnd + HEAD_END.length, framing);
  if (typeof read === 'string') return read;
  if (bytes.length > read.end) return 'malformed';
  const closes = headerOf(head, 'connection')?.toLowerCase() === 'close';
  return { status, head, body: read.body, closes };
}

function readBody(
  bytes: Buffer,
  start: number,
  framing: number | 'chunked',
): ChunkedBody | 'more' | 'malformed' {
  if (framing === 'chunked') return readChunks(bytes, start, MAX_BODY_BYTES);
  const end = start + framing;
  return bytes.length < end ? 'more' : { body: bytes.toString('latin1', start, end), end };
}
