import type { Invalid } from '../../call.ts';
import { MAX_DEPTH } from '../strict-json.ts';

/** Most calls of one batch. */
export const MAX_CALLS = 1_000;

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const KEY = '"calls"';

/** An unusable batch: too many calls are told apart, as what a caller can mend by itself. */
export type BatchProblem = Invalid | 'too many';

const SHAPE: Invalid = { invalid: 'a batch is `{"calls": [ … ]}`, and no other field' };
const TOO_DEEP: Invalid = { invalid: `the body is nested deeper than ${MAX_DEPTH}` };

/**
 * Finds the calls of a batch in its bytes, piece by piece, without reading them: each is parsed by itself, later, so that
 * neither a long batch holds its thread nor a bad call spoils the others.
 */
export class BatchReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #begun = false;
  #done = false;
  /** Where the call that is being read begins; -1 between two. */
  #start = -1;
  #depth = 0;
  #inString = false;
  /** Where each call begins and ends, in turn. */
  readonly bounds: number[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /**
   * Goes on for about that many bytes.
   *
   * @returns 'more' where there is more to read, 'done' where `bounds` is complete
   */
  read(bytes: number): 'more' | 'done' | BatchProblem {
    const stop = Math.min(this.#at + bytes, this.#bytes.length);
    if (!this.#begun && !this.#begin()) return SHAPE;
    while (!this.#done) {
      if (this.#start < 0) {
        if (this.bounds.length >= 2 * MAX_CALLS) return 'too many';
        this.#start = this.#at;
      }
      const skipped = this.#skipValue(stop);
      if (skipped !== 'ended') return skipped;
      this.bounds.push(this.#start, this.#at);
      this.#start = -1;
      const next = this.#next();
      if (next === CLOSE_LIST) return this.#end() ? 'done' : SHAPE;
      if (next !== COMMA) return SHAPE;
      this.#skipSpace();
    }
    return 'done';
  }

  /** Up to the first call. */
  #begin(): boolean {
    this.#begun = true;
    if (this.#next() !== OPEN_OBJECT) return false;
    this.#skipSpace();
    for (let i = 0; i < KEY.length; i++) if (this.#bytes[this.#at++] !== KEY.charCodeAt(i)) return false;
    if (this.#next() !== COLON || this.#next() !== OPEN_LIST) return false;
    this.#skipSpace();
    if (this.#bytes[this.#at] !== CLOSE_LIST) return true;
    this.#at += 1;
    return this.#end();
  }

  /** Behind the list. */
  #end(): boolean {
    this.#done = true;
    if (this.#next() !== CLOSE_OBJECT) return false;
    this.#skipSpace();
    return this.#at >= this.#bytes.length;
  }

  #skipSpace(): void {
    for (; this.#at < this.#bytes.length; this.#at++) {
      const byte = this.#bytes[this.#at];
      if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) return;
    }
  }

  #next(): number | undefined {
    this.#skipSpace();
    return this.#bytes[this.#at++];
  }

  /** To the comma or bracket behind the element, or as far as `stop`. */
  #skipValue(stop: number): 'ended' | 'more' | Invalid {
    const bytes = this.#bytes;
    let at = this.#at;
    for (; at < stop; at++) {
      const byte = bytes[at];
      if (this.#inString) {
        if (byte === BACKSLASH) at++;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        this.#depth += 1;
        // The batch and its list are around it.
        if (this.#depth > MAX_DEPTH - 2) return TOO_DEEP;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        if (this.#depth === 0) break;
        this.#depth -= 1;
      } else if (byte === COMMA && this.#depth === 0) {
        break;
      }
    }
    this.#at = at;
    if (at >= bytes.length) return SHAPE;
    if (at >= stop) return 'more';
    return at > this.#start ? 'ended' : SHAPE;
  }
}
