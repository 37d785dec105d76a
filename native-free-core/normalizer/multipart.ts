import { MAX_PAIRS, Unreadable, type FormPair } from './form.ts';
import { isUtf8, readMediaType } from './media-type.ts';

const CR = 13;
const LF = 10;
const MAX_PART_HEADERS = 8;
const MAX_HEADER_BYTES = 1024;
const NO_NAMES: readonly string[] = [];
const NOT_TEXT = new Unreadable('a part of the form that a fact is read from is no plain UTF-8 text');

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const CRLF = ENCODER.encode('\r\n');
const CLOSE = ENCODER.encode('--');

// A name of letters alone: what starts like a delimiter is never a header.
// oxlint-disable-next-line no-control-regex -- control characters are what a header must not hold
const HEADER = /^([A-Za-z][A-Za-z0-9-]*):([^\0-\x1f\x7f]*)$/;
// `name` first, then a file's name. Readers differ about escapes, about a `;` in quotes, and about an order in which
// `filename="` is found where `name="` is looked for.
const DISPOSITION =
  /^form-data *; *name=(?:"([^"\\;%]*)"|([A-Za-z0-9_.-]+))( *; *filename=(?:"[^"\\;]*"|[A-Za-z0-9_.-]+))?( *; *filename\*=[A-Za-z0-9_.%'-]+)?$/;

/** What the headers of a part say. */
interface PartHead {
  readonly name: string;
  readonly isText: boolean;
}

/**
 * Reads a `multipart/form-data` body (RFC 7578, RFC 2046 §5.1) into the pairs of a form.
 *
 * A part that is a file, or anything else than UTF-8 text as it stands, has a name and no readable value. Nothing may
 * stand before the first delimiter or behind the last one, but a line's end.
 *
 * @param bytes the whole body, decoded
 * @returns undefined for any framing, header or name that readers could differ about, for text that is no UTF-8, and
 *   for more than `MAX_PAIRS` parts
 * Cost: linear; a delimiter is looked for at the beginnings of lines only, and none holds a line's end.
 */
export function readMultipart(bytes: Uint8Array, boundary: string): readonly FormPair[] | undefined {
  return new MultipartReader(bytes, boundary).read();
}

class MultipartReader {
  readonly #bytes: Uint8Array;
  /** `--` and the boundary. */
  readonly #delimiter: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array, boundary: string) {
    this.#bytes = bytes;
    this.#delimiter = ENCODER.encode(`--${boundary}`);
  }

  read(): readonly FormPair[] | undefined {
    const pairs: FormPair[] = [];
    if (!this.#take(this.#delimiter)) return undefined;
    while (!this.#take(CLOSE)) {
      // Blanks behind a delimiter, or a longer word that starts with it: readers differ.
      if (!this.#take(CRLF) || pairs.length === MAX_PAIRS) return undefined;
      const pair = this.#part();
      if (pair === undefined) return undefined;
      pairs.push(pair);
    }
    this.#take(CRLF);
    return this.#at === this.#bytes.length ? pairs : undefined;
  }

  #part(): FormPair | undefined {
    const head = this.#head();
    if (head === undefined) return undefined;
    const bytes = this.#content();
    if (bytes === undefined) return undefined;
    const value = head.isText ? decodeUtf8(bytes) : NOT_TEXT;
    return value === undefined ? undefined : { name: head.name, value, hidden: NO_NAMES };
  }

  #head(): PartHead | undefined {
    const headers = new Map<string, string>();
    for (;;) {
      const line = this.#line();
      if (line === undefined) return undefined;
      if (line === '') return readHead(headers);
      const [, name = '', value = ''] = HEADER.exec(line) ?? [];
      const key = name.toLowerCase();
      if (key === '' || headers.has(key) || headers.size === MAX_PART_HEADERS) return undefined;
      headers.set(key, value.trim());
    }
  }

  /** The text up to the next line's end, which is passed over. */
  #line(): string | undefined {
    const start = this.#at;
    const last = Math.min(start + MAX_HEADER_BYTES, this.#bytes.length);
    for (let end = start; end <= last; end++) {
      const byte = this.#bytes[end];
      if (byte !== CR && byte !== LF) continue;
      this.#at = end;
      return this.#take(CRLF) ? decodeUtf8(this.#bytes.subarray(start, end)) : undefined;
    }
    return undefined;
  }

  /** What stands before the next delimiter, which is passed over. */
  #content(): Uint8Array | undefined {
    const start = this.#at;
    // The empty line before the content ends with what could begin a delimiter.
    for (let end = start - 1; end < this.#bytes.length; end++) {
      const byte = this.#bytes[end];
      if (byte !== LF && byte !== CR) continue;
      this.#at = end + 1;
      if (!this.#take(this.#delimiter)) continue;
      // Behind a bare CR or LF it is content to some readers and a delimiter to others.
      const isDelimiter = byte === LF && this.#bytes[end - 1] === CR && end > start;
      return isDelimiter ? this.#bytes.subarray(start, end - 1) : undefined;
    }
    return undefined;
  }

  #take(expected: Uint8Array): boolean {
    for (let i = 0; i < expected.length; i++) {
      if (this.#bytes[this.#at + i] !== expected[i]) return false;
    }
    this.#at += expected.length;
    return true;
  }
}

function readHead(headers: ReadonlyMap<string, string>): PartHead | undefined {
  const [matched, quoted, token = '', file, extendedFile] =
    DISPOSITION.exec(headers.get('content-disposition') ?? '') ?? [];
  const name = quoted ?? token;
  // Some readers decode encoded words (RFC 2047) here.
  if (matched === undefined || name.includes('=?')) return undefined;
  const isFile = file !== undefined || extendedFile !== undefined;
  return { name, isText: !isFile && isUtf8Text(headers) };
}

function isUtf8Text(headers: ReadonlyMap<string, string>): boolean {
  if (headers.has('content-transfer-encoding')) return false;
  const type = headers.get('content-type');
  if (type === undefined) return true;
  const media = readMediaType(type);
  if (media?.type !== 'text/plain' || !isUtf8(media)) return false;
  return media.parameters.size === (media.parameters.has('charset') ? 1 : 0);
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}
