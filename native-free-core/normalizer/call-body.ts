import { contentCoding, MAX_FACT_BODY, type DecodeBody } from './content-coding.ts';
import type { RawRequest } from './envelope.ts';
import { allNames, readForm, Unreadable, type FormPair } from './form.ts';
import { readJson, type JsonValue } from './json-reader.ts';
import { bodyType, type BodyType } from './media-type.ts';
import { isOverrideKey } from './method-override.ts';
import { readMultipart } from './multipart.ts';
import { strayNames } from './stray-names.ts';

export { MAX_FACT_BODY, type DecodeBody };

export type BodyContent =
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'form';
      readonly pairs: readonly FormPair[];
      /** What a server that ignores the content coding could read besides; empty where there is none. */
      readonly strayNames: readonly string[];
    }
  | { readonly kind: 'json'; readonly value: JsonValue };

type FormType = Exclude<BodyType, { readonly kind: 'json' }>;

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
// One character a byte, whatever the bytes.
const BYTES_AS_TEXT = new TextDecoder('latin1');
const EMPTY: BodyContent = { kind: 'empty' };
const UNDECODED = new Unreadable(
  'the body has a content coding that cannot be undone, or not within the bound',
);
const READABLE_AS_SENT = new Unreadable('the coded body can be read without being decoded');
// The usual place of a method override; by the time the body is read the call is classified.
const OVERRIDES = new Unreadable('the body has a `_method`');
const NO_NAMES: readonly string[] = [];
// No gzip and hardly a brotli stream begins so; what does was made to be read without being decoded.
const BEGINS_LIKE_A_DOCUMENT = /^(?:\u00ef\u00bb\u00bf)?\s*[[{<]/;

/** The body of one call, decoded and parsed once, whatever the number of readings. */
export class CallBody {
  readonly #raw: RawRequest;
  readonly #bytes: Uint8Array | undefined;
  readonly #decode: DecodeBody | undefined;
  #head: Uint8Array | Unreadable | undefined;
  #whole: Uint8Array | Unreadable | undefined;
  #content: BodyContent | Unreadable | undefined;

  /**
   * @param bytes as sent: the whole body, its head where only that is needed, or undefined where it could not be read
   * @param decode without it a body with a content coding cannot be read
   */
  constructor(raw: RawRequest, bytes: Uint8Array | undefined, decode: DecodeBody | undefined) {
    this.#raw = raw;
    this.#bytes = bytes;
    this.#decode = decode;
  }

  /** The decoded beginning of the body, at most `MAX_FACT_BODY` bytes of the first as many that were sent. */
  head(): Uint8Array | Unreadable {
    this.#head ??= this.#readHead();
    return this.#head;
  }

  /** Whether nothing was sent. */
  get isEmpty(): boolean {
    return this.#bytes?.length === 0;
  }

  /** The whole body, decoded, at most `MAX_FACT_BODY` bytes. */
  whole(): Uint8Array | Unreadable {
    this.#whole ??= this.#readWhole();
    return this.#whole;
  }

  /** What the whole body says. */
  content(): BodyContent | Unreadable {
    this.#content ??= this.#readContent();
    return this.#content;
  }

  #readHead(): Uint8Array | Unreadable {
    if (this.#bytes === undefined) return new Unreadable('the body could not be read');
    const coding = this.#coding();
    const sent = this.#bytes.subarray(0, MAX_FACT_BODY);
    if (coding === 'identity') return sent;
    // Clients that compress what is read by its head, such as git, use gzip.
    const decoded = coding === 'gzip' ? this.#decode?.(coding, sent, 'head') : undefined;
    return decoded ?? UNDECODED;
  }

  #readWhole(): Uint8Array | Unreadable {
    const sent = this.#bytes;
    if (sent === undefined || sent.length > MAX_FACT_BODY) {
      return new Unreadable(
        `the body, which this rule reads, was not given, is incomplete or longer than ${MAX_FACT_BODY} bytes`,
      );
    }
    if (this.#raw.bodyLength !== undefined && this.#raw.bodyLength !== sent.length) {
      return new Unreadable('the body is not as long as it was declared');
    }
    const coding = this.#coding();
    if (coding === 'identity') return sent;
    const decoded = coding === undefined ? undefined : this.#decode?.(coding, sent, 'whole');
    if (decoded === undefined) return UNDECODED;
    return BEGINS_LIKE_A_DOCUMENT.test(BYTES_AS_TEXT.decode(sent)) ? READABLE_AS_SENT : decoded;
  }

  #readContent(): BodyContent | Unreadable {
    const bytes = this.whole();
    if (bytes instanceof Unreadable) return bytes;
    // A coded body that decodes to nothing can still say something to a server that does not decode it.
    if (bytes.length === 0 && this.#coding() === 'identity') return EMPTY;
    const type = bodyType(this.#raw.headers.get('content-type') ?? []);
    if (type === undefined)
      return new Unreadable('the body is neither a form nor JSON, in UTF-8, by its `content-type`');
    if (type.kind !== 'json') return this.#form(type, bytes);
    const text = decodeUtf8(bytes);
    if (text === undefined) return new Unreadable('the body is not valid UTF-8');
    const value = readJson(text);
    if (value === undefined) {
      return new Unreadable('the body is not JSON, or has a key twice, or is nested too deep');
    }
    // Some frameworks read the members of a JSON body as they read a form.
    const names = value instanceof Map ? [...value.keys()] : [];
    return names.some(isOverrideKey) ? OVERRIDES : { kind: 'json', value };
  }

  #form(type: FormType, bytes: Uint8Array): BodyContent | Unreadable {
    const pairs = type.kind === 'form' ? readText(bytes, readForm) : readMultipart(bytes, type.boundary);
    if (pairs === undefined)
      return new Unreadable('the body is not a valid form in UTF-8, or has too many pairs');
    const strays = this.#strayNames(type, pairs);
    if (strays === undefined) return READABLE_AS_SENT;
    for (const name of [...allNames(pairs), ...strays]) {
      if (isOverrideKey(name)) return OVERRIDES;
      // RFC 7578 §4.6: its value is the charset of all others.
      if (name.trim().toLowerCase() === '_charset_') return new Unreadable('the body has a `_charset_`');
    }
    return { kind: 'form', pairs, strayNames: strays };
  }

  /** Undefined where the bytes as sent can be read by themselves. */
  #strayNames(type: FormType, pairs: readonly FormPair[]): readonly string[] | undefined {
    if (this.#coding() === 'identity') return NO_NAMES;
    const sent = BYTES_AS_TEXT.decode(this.#bytes);
    if (type.kind === 'form') return strayNames(sent, pairs);
    return sent.includes(`--${type.boundary}`) ? undefined : NO_NAMES;
  }

  #coding(): ReturnType<typeof contentCoding> {
    return contentCoding(this.#raw.headers.get('content-encoding') ?? []);
  }
}

function readText<T>(bytes: Uint8Array, read: (text: string) => T | undefined): T | undefined {
  const text = decodeUtf8(bytes);
  return text === undefined ? undefined : read(text);
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return DECODER.decode(bytes);
  } catch {
    return undefined;
  }
}
