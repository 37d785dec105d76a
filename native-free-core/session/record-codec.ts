import { StateUnusable } from '../errors.ts';

// Little endian; a text is its UTF-8 length in two bytes, then its bytes.

const ENCODER = new TextEncoder();
const FIRST_BYTES = 512;
const MAX_TEXT_BYTES = 65_535;

/** Writes a record field by field. */
export class RecordWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  byte(value: number): void {
    this.#room(1);
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
  }

  count(value: number): void {
    this.#room(2);
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
  }

  number(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** @param value at most 65,535 bytes of UTF-8; what stands in a session is far shorter */
  text(value: string): void {
    this.#room(2 + Math.min(MAX_TEXT_BYTES, value.length * 3));
    const into = this.#bytes.subarray(this.#at + 2, this.#at + 2 + MAX_TEXT_BYTES);
    const { written } = ENCODER.encodeInto(value, into);
    this.count(written);
    this.#at += written;
  }

  texts(values: readonly string[]): void {
    this.count(values.length);
    for (const value of values) this.text(value);
  }

  /** Everything written so far, as bytes of their own. Begins anew. */
  take(): Uint8Array {
    const record = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    return record;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + bytes));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/**
 * Reads what a `RecordWriter` wrote.
 *
 * @throws StateUnusable where the record ends early or holds what was never written
 */
export class RecordReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    return this.#view.getUint8(this.#take(1));
  }

  count(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  number(): number {
    const value = this.#view.getFloat64(this.#take(8), true);
    if (!Number.isFinite(value)) throw unreadable();
    return value;
  }

  text(): string {
    const length = this.count();
    const at = this.#take(length);
    try {
      return this.#decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw unreadable();
    }
  }

  texts(): string[] {
    return Array.from({ length: this.count() }, () => this.text());
  }

  /** Nothing may be left. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw unreadable();
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#bytes.length) throw unreadable();
    this.#at = at + bytes;
    return at;
  }
}

/** What is said of a record that cannot be read. */
export function unreadable(): StateUnusable {
  return new StateUnusable('the saved state of a session, an agent or the sidecar cannot be read');
}
