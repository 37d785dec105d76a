import type { Result } from './access.ts';
import type { BinaryOp } from './expr.ts';
import { add, subtract } from './extensions/int64.ts';
import { compareTemporal } from './extensions/temporal.ts';
import { CedarSet, equals, ERROR, isLong, toLong, type Value } from './value.ts';

/** What an operator answers for two values. */
export type BinaryFunction = (left: Value, right: Value) => Result;

/** Negative, 0 or positive; undefined for what has no order or is not of one type. */
function order(left: Value, right: Value): number | undefined {
  if (!isLong(left)) return compareTemporal(left, right);
  if (!isLong(right)) return undefined;
  return left < right ? -1 : left > right ? 1 : 0;
}

function ordered(holds: (order: number) => boolean): BinaryFunction {
  return (left, right) => {
    const found = order(left, right);
    return found === undefined ? ERROR : holds(found);
  };
}

/** @returns ERROR outside int64 */
function multiply(left: number | bigint, right: number | bigint): Result {
  if (typeof left === 'number' && typeof right === 'number') {
    const product = left * right;
    // Never -0.
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return toLong(BigInt(left) * BigInt(right)) ?? ERROR;
}

function ofSets(answer: (left: CedarSet, right: CedarSet) => boolean): BinaryFunction {
  return (left, right) =>
    left instanceof CedarSet && right instanceof CedarSet ? answer(left, right) : ERROR;
}

/** Cedar's `-` with one operand. */
export function negate(value: Result): Result {
  if (value === ERROR || !isLong(value)) return ERROR;
  return subtract(0, value) ?? ERROR;
}

export function isEmptySet(value: Result): Result {
  return value instanceof CedarSet ? value.size === 0 : ERROR;
}

export const BINARY_FUNCTIONS: Readonly<Record<BinaryOp, BinaryFunction>> = {
  '==': equals,
  '<': ordered((found) => found < 0),
  '<=': ordered((found) => found <= 0),
  '>': ordered((found) => found > 0),
  '>=': ordered((found) => found >= 0),
  '+': (left, right) => (isLong(left) && isLong(right) ? (add(left, right) ?? ERROR) : ERROR),
  '-': (left, right) => (isLong(left) && isLong(right) ? (subtract(left, right) ?? ERROR) : ERROR),
  '*': (left, right) => (isLong(left) && isLong(right) ? multiply(left, right) : ERROR),
  contains: (left, right) => (left instanceof CedarSet ? left.has(right) : ERROR),
  containsAll: ofSets((left, right) => left.hasAll(right)),
  containsAny: ofSets((left, right) => left.hasAny(right)),
};
