import { Extension } from '../value.ts';
import { afterDigits, fixedDigits, longOf } from './digits.ts';
import { add, compare, type Long, multiply } from './int64.ts';

const MINUS = 0x2d;
const POINT = 0x2e;
const PLACES = 4;
const SCALE = 10_000;

/** Cedar's `decimal`: a number with four places after the point, from -922337203685477.5808 to 922337203685477.5807. */
export class Decimal extends Extension {
  /** Ten thousand times the number. */
  readonly scaled: Long;
  #key: string | undefined;

  constructor(scaled: Long) {
    super();
    this.scaled = scaled;
  }

  /**
   * Reads `-?[0-9]+.[0-9]{1,4}`. The whole part may have leading zeros.
   *
   * @returns undefined for another text, and for a number out of range
   */
  static parse(text: string): Decimal | undefined {
    const negative = text.charCodeAt(0) === MINUS;
    const start = negative ? 1 : 0;
    const point = afterDigits(text, start);
    if (point === start || text.charCodeAt(point) !== POINT) return undefined;
    const places = text.length - point - 1;
    if (places < 1 || places > PLACES) return undefined;
    const digits = fixedDigits(text, point + 1, places);
    if (digits < 0) return undefined;
    const fraction = digits * 10 ** (PLACES - places);

    const whole = longOf(text, start, point, negative);
    if (whole === undefined) return undefined;
    const scaledWhole = multiply(whole, SCALE);
    if (scaledWhole === undefined) return undefined;
    const scaled = add(scaledWhole, negative ? 0 - fraction : fraction);
    return scaled === undefined ? undefined : new Decimal(scaled);
  }

  get key(): string {
    this.#key ??= `decimal ${this.scaled}`;
    return this.#key;
  }

  compareTo(other: Decimal): -1 | 0 | 1 {
    return compare(this.scaled, other.scaled);
  }
}
