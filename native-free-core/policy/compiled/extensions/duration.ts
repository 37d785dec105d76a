import { Extension } from '../value.ts';
import { afterDigits, longOf } from './digits.ts';
import { add, compare, divide, type Long, multiply } from './int64.ts';

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const MINUS = 0x2d;

/** In the order in which a text must name them. `ms` stands before `m` here, because it begins with it. */
const UNITS: readonly { readonly name: string; readonly ms: number; readonly rank: number }[] = [
  { name: 'd', ms: DAY_MS, rank: 1 },
  { name: 'h', ms: HOUR_MS, rank: 2 },
  { name: 'ms', ms: 1, rank: 5 },
  { name: 'm', ms: MINUTE_MS, rank: 3 },
  { name: 's', ms: SECOND_MS, rank: 4 },
];

/** Cedar's `duration`: milliseconds, within int64. */
export class Duration extends Extension {
  readonly ms: Long;
  #key: string | undefined;

  constructor(ms: Long) {
    super();
    this.ms = ms;
  }

  /**
   * Reads `-?` and then days, hours, minutes, seconds and milliseconds: `1d2h3m4s5ms`. At least one of them, each at most
   * once and in this order; a count may be larger than the unit before it, and may have leading zeros.
   *
   * @returns undefined for another text, and where the milliseconds are outside int64
   */
  static parse(text: string): Duration | undefined {
    const negative = text.charCodeAt(0) === MINUS;
    let at = negative ? 1 : 0;
    if (at === text.length) return undefined;
    let total: Long = 0;
    let rank = 0;
    while (at < text.length) {
      const end = afterDigits(text, at);
      if (end === at) return undefined;
      const unit = UNITS.find(({ name }) => text.startsWith(name, end));
      if (unit === undefined || unit.rank <= rank) return undefined;
      const count = longOf(text, at, end, negative);
      if (count === undefined) return undefined;
      // All parts have one sign: where one of them is out of range, so is the sum.
      const part = multiply(count, unit.ms);
      if (part === undefined) return undefined;
      const sum = add(total, part);
      if (sum === undefined) return undefined;
      total = sum;
      rank = unit.rank;
      at = end + unit.name.length;
    }
    return new Duration(total);
  }

  get key(): string {
    this.#key ??= `duration ${this.ms}`;
    return this.#key;
  }

  compareTo(other: Duration): -1 | 0 | 1 {
    return compare(this.ms, other.ms);
  }

  /** Whole units of so many milliseconds, cut off towards zero. */
  in(unitMs: number): Long {
    return divide(this.ms, unitMs);
  }
}
