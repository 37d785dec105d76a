import { MAX_FACT_BODY, type DecodeBody } from '@firma/core';
import { brotliDecompressSync, constants, crc32, inflateRawSync } from 'node:zlib';

/** A head may be a little of a large body: so much of it is decoded before it is given up. */
const MAX_HEAD_OUTPUT = 1_048_576;

const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;
/** ID1, ID2, deflate, and no flag: no room for a name, a comment or extra bytes that no body needs. */
const GZIP_START = Uint8Array.of(0x1f, 0x8b, 8, 0);

const WHOLE = { info: true, maxOutputLength: MAX_FACT_BODY };

/** What zlib gives for `info: true`; its types leave it out. */
interface Decoded {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/**
 * `DecodeBody` on node:zlib.
 *
 * A whole gzip body is one member (RFC 1952) with a header of 10 bytes, a whole brotli body one stream (RFC 7932);
 * both end at the last byte. zlib by itself reads on in a second member and passes over bytes behind the last.
 *
 * Cost: synchronous; at most 64 KiB of output for a whole body and 1 MiB for a head, whatever the input.
 */
export const decodeBody: DecodeBody = (coding, bytes, part) => {
  try {
    if (coding === 'br') return part === 'whole' ? wholeBrotli(bytes) : undefined;
    return part === 'whole' ? wholeGzip(bytes) : gzipHead(bytes);
  } catch {
    // Not a stream of that coding, or a longer one.
    return undefined;
  }
};

function wholeGzip(bytes: Uint8Array): Uint8Array | undefined {
  if (!startsLikeGzip(bytes)) return undefined;
  const deflated = bytes.subarray(GZIP_HEADER_BYTES, -GZIP_TRAILER_BYTES);
  const decoded = exactly(deflated.length, inflateRawSync(deflated, WHOLE));
  if (decoded === undefined) return undefined;
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - GZIP_TRAILER_BYTES);
  const isIntact =
    trailer.getUint32(0, true) === crc32(decoded) && trailer.getUint32(4, true) === decoded.length;
  return isIntact ? decoded : undefined;
}

/** The beginning of the first member; what a second one would add is never taken for its end. */
function gzipHead(bytes: Uint8Array): Uint8Array | undefined {
  if (!startsLikeGzip(bytes)) return undefined;
  const decoded = inflateRawSync(bytes.subarray(GZIP_HEADER_BYTES), {
    finishFlush: constants.Z_SYNC_FLUSH,
    maxOutputLength: MAX_HEAD_OUTPUT,
  });
  return decoded.subarray(0, MAX_FACT_BODY);
}

function wholeBrotli(bytes: Uint8Array): Uint8Array | undefined {
  return exactly(bytes.length, brotliDecompressSync(bytes, WHOLE));
}

/** The output of a stream that used up all of its input. */
function exactly(inputBytes: number, decoded: unknown): Uint8Array | undefined {
  return isDecoded(decoded) && decoded.engine.bytesWritten === inputBytes ? decoded.buffer : undefined;
}

function isDecoded(value: unknown): value is Decoded {
  if (typeof value !== 'object' || value === null || !('buffer' in value) || !('engine' in value))
    return false;
  const { buffer, engine } = value;
  return (
    buffer instanceof Uint8Array && typeof engine === 'object' && engine !== null && 'bytesWritten' in engine
  );
}

function startsLikeGzip(bytes: Uint8Array): boolean {
  return GZIP_START.every((byte, at) => at >= bytes.length || bytes[at] === byte);
}
