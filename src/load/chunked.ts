/** A body that was read, and where it ends. */
export interface ChunkedBody {
  readonly body: string;
  readonly end: number;
}

const CRLF = '\r\n';
const SIZE = /^[0-9a-fA-F]{1,6}$/;
const MAX_SIZE_LINE = 8;

/**
 * Reads a chunked body (RFC 9112 §7.1) without extensions and trailers.
 *
 * @param start where it begins
 * @param maxBytes longest body
 * @returns `more` where it has not ended yet
 */
export function readChunks(
  bytes: Buffer,
  start: number,
  maxBytes: number,
): ChunkedBody | 'more' | 'malformed' {
  let body = '';
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf(CRLF, at);
    if (lineEnd < 0) return bytes.length - at > MAX_SIZE_LINE ? 'malformed' : 'more';
    const line = bytes.toString('latin1', at, lineEnd);
    if (!SIZE.test(line)) return 'malformed';
    const size = Number.parseInt(line, 16);
    const from = lineEnd + CRLF.length;
    const end = from + size + CRLF.length;
    if (body.length + size > maxBytes) return 'malformed';
    if (bytes.length < end) return 'more';
    if (bytes.toString('latin1', from + size, end) !== CRLF) return 'malformed';
    if (size === 0) return { body, end };
    body += bytes.toString('latin1', from, from + size);
    at = end;
  }
}
