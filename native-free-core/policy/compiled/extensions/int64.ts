import { toLong } from '../value.ts';

/** A Long in Cedar's range: a number where that is a safe integer, a bigint otherwise. */
export type Long = number | bigint;

/** @returns undefined outside int64 */
export function add(a: Long, b: Long): Long | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    // A sum that is not safe may be rounded, but never to a safe one.
    if (Number.isSafeInteger(sum)) return sum;
  }
  return toLong(BigInt(a) + BigInt(b));
}

/** @returns undefined outside int64 */
export function subtract(a: Long, b: Long): Long | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return toLong(BigInt(a) - BigInt(b));
}

/**
 * @param factor above zero
 * @returns undefined outside int64
 */
export function multiply(a: Long, factor: number): Long | undefined {
  if (typeof a === 'number') {
    const product = a * factor;
    if (Number.isSafeInteger(product)) return product;
  }
  return toLong(BigInt(a) * BigInt(factor));
}

/**
 * The quotient, cut off towards zero.
 *
 * @param divisor above zero
 */
export function divide(a: Long, divisor: number): Long {
  if (typeof a === 'number') return (a - (a % divisor)) / divisor;
  const quotient = a / BigInt(divisor);
  return toLong(quotient) ?? quotient;
}

/**
 * The remainder that is never negative.
 *
 * @param divisor above zero, at most 2^52
 */
export function modulo(a: Long, divisor: number): number {
  const remainder = typeof a === 'number' ? a % divisor : Number(a % BigInt(divisor));
  // Adds first: the remainder may be -0.
  return (remainder + divisor) % divisor;
}

export function compare(a: Long, b: Long): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0;
}
