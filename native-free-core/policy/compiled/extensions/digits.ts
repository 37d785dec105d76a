import { toLong } from '../value.ts';
import type { Long } from './int64.ts';

const ZERO = 0x30;

/** The value of an ASCII digit; -1 for every other code unit, and past the end of a text. */
function digit(code: number): number {
  return code >= ZERO && code <= 0x39 ? code - ZERO : -1;
}

/** Index after the digits that start at `from`. */
export function afterDigits(text: string, from: number): number {
  let at = from;
  while (digit(text.charCodeAt(at)) >= 0) at += 1;
  return at;
}

/**
 * The number that `count` digits from `from` write.
 *
 * @param count at most 15, so that the number is exact
 * @returns -1 where one of them is no digit
 */
export function fixedDigits(text: string, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at += 1) {
    const next = digit(text.charCodeAt(at));
    if (next < 0) return -1;
    value = value * 10 + next;
  }
  return value;
}

/**
 * The Long that the digits from `from` to `end` write, below zero where `negative`. Leading zeros are taken.
 *
 * Cost: linear in a text of any length.
 * @returns undefined outside int64
 */
export function longOf(text: string, from: number, end: number, negative: boolean): Long | undefined {
  let start = from;
  while (start < end && text.charCodeAt(start) === ZERO) start += 1;
  const count = end - start;
  if (count <= 15) {
    const value = fixedDigits(text, start, count);
    // Subtracted, not negated: there is no -0.
    return negative ? 0 - value : value;
  }
  if (count > 19) return undefined;
  const value = BigInt(text.slice(start, end));
  return toLong(negative ? -value : value);
}
