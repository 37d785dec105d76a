import { Extension } from '../value.ts';
import { fixedDigits } from './digits.ts';
import { DAY_MS, Duration, HOUR_MS, MINUTE_MS, SECOND_MS } from './duration.ts';
import { add, compare, type Long, modulo, subtract } from './int64.ts';

const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const COLON = 0x3a;
const T = 0x54;
const Z = 0x5a;

const DATE_LENGTH = 'YYYY-MM-DD'.length;
const SECONDS_LENGTH = 'YYYY-MM-DDThh:mm:ss'.length;

/** Days from 0000-01-01 to 1970-01-01. */
const EPOCH_DAY = 719_528;
/** Days of a common year before each month. */
const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/**
 * @param year 0 to 9999 in the Gregorian calendar, also before its time
 * @returns days since 1970-01-01; undefined where there is no such day
 */
function dayNumber(year: number, month: number, day: number): number | undefined {
  const before = DAYS_BEFORE_MONTH[month - 1];
  const after = DAYS_BEFORE_MONTH[month];
  if (before === undefined || after === undefined) return undefined;
  const leapDay = isLeap(year) ? 1 : 0;
  if (day < 1 || day > after - before + (month === 2 ? leapDay : 0)) return undefined;
  const leapYears = Math.ceil(year / 4) - Math.ceil(year / 100) + Math.ceil(year / 400);
  return year * 365 + leapYears + before + (month > 2 ? leapDay : 0) + day - 1 - EPOCH_DAY;
}

function isAt(text: string, index: number, code: number): boolean {
  return text.charCodeAt(index) === code;
}

/** Milliseconds since 1970-01-01 of the first ten characters; undefined for no `YYYY-MM-DD`. */
function readDate(text: string): number | undefined {
  const year = fixedDigits(text, 0, 4);
  const month = fixedDigits(text, 5, 2);
  const day = fixedDigits(text, 8, 2);
  if (year < 0 || !isAt(text, 4, MINUS) || !isAt(text, 7, MINUS)) return undefined;
  const days = dayNumber(year, month, day);
  return days === undefined ? undefined : days * DAY_MS;
}

/** Milliseconds of the day; undefined for no `Thh:mm:ss`. */
function readTime(text: string): number | undefined {
  const hours = fixedDigits(text, DATE_LENGTH + 1, 2);
  const minutes = fixedDigits(text, DATE_LENGTH + 4, 2);
  const seconds = fixedDigits(text, DATE_LENGTH + 7, 2);
  if (!isAt(text, DATE_LENGTH, T)) return undefined;
  if (!isAt(text, DATE_LENGTH + 3, COLON) || !isAt(text, DATE_LENGTH + 6, COLON)) return undefined;
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59) return undefined;
  return hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS;
}

/** Milliseconds that local time is ahead of UTC; undefined where what starts at `from` is no `Z` or `(+|-)hhmm`. */
function readZone(text: string, from: number): number | undefined {
  if (isAt(text, from, Z)) return text.length === from + 1 ? 0 : undefined;
  const ahead = isAt(text, from, PLUS);
  if ((!ahead && !isAt(text, from, MINUS)) || text.length !== from + 5) return undefined;
  const hours = fixedDigits(text, from + 1, 2);
  const minutes = fixedDigits(text, from + 3, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined;
  const offset = hours * HOUR_MS + minutes * MINUTE_MS;
  return ahead ? offset : -offset;
}

/** Cedar's `datetime`: milliseconds since 1970-01-01 in UTC without leap seconds, within int64. */
export class Datetime extends Extension {
  readonly epochMs: Long;
  #key: string | undefined;

  constructor(epochMs: Long) {
    super();
    this.epochMs = epochMs;
  }

  /**
   * Reads `YYYY-MM-DD`, or that and `Thh:mm:ss`, perhaps `.SSS`, and `Z` or `(+|-)hhmm`. There is no 24:00:00 and no
   * second 60; an offset stays below 24 hours.
   *
   * @returns undefined for another text
   */
  static parse(text: string): Datetime | undefined {
    const date = readDate(text);
    if (date === undefined) return undefined;
    if (text.length === DATE_LENGTH) return new Datetime(date);
    const time = readTime(text);
    if (time === undefined) return undefined;
    let at = SECONDS_LENGTH;
    let ms = 0;
    if (isAt(text, at, POINT)) {
      ms = fixedDigits(text, at + 1, 3);
      if (ms < 0) return undefined;
      at += 4;
    }
    const zone = readZone(text, at);
    return zone === undefined ? undefined : new Datetime(date + time + ms - zone);
  }

  get key(): string {
    this.#key ??= `datetime ${this.epochMs}`;
    return this.#key;
  }

  compareTo(other: Datetime): -1 | 0 | 1 {
    return compare(this.epochMs, other.epochMs);
  }

  /** @returns undefined outside int64 */
  offset(by: Duration): Datetime | undefined {
    const epochMs = add(this.epochMs, by.ms);
    return epochMs === undefined ? undefined : new Datetime(epochMs);
  }

  /** @returns undefined outside int64 */
  durationSince(start: Datetime): Duration | undefined {
    const ms = subtract(this.epochMs, start.epochMs);
    return ms === undefined ? undefined : new Duration(ms);
  }

  /**
   * The midnight at or before it.
   *
   * @returns undefined outside int64
   */
  toDate(): Datetime | undefined {
    const epochMs = subtract(this.epochMs, modulo(this.epochMs, DAY_MS));
    return epochMs === undefined ? undefined : new Datetime(epochMs);
  }

  /** Time since that midnight. */
  toTime(): Duration {
    return new Duration(modulo(this.epochMs, DAY_MS));
  }
}
