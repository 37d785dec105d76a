import { computed, constant, type Evaluator, type Linked, type Result } from './access.ts';
import type { BinaryOp } from './expr.ts';
import { BINARY_FUNCTIONS } from './operators.ts';
import { EntityUid, equals, ERROR, isLong, type Value } from './value.ts';

/** What an operator is with its operands exchanged. */
const MIRRORED: ReadonlyMap<BinaryOp, BinaryOp> = new Map<BinaryOp, BinaryOp>([
  ['==', '=='],
  ['<', '>'],
  ['<=', '>='],
  ['>', '<'],
  ['>=', '<='],
]);

/** An operator on one value; it answers ERROR for ERROR. */
export function linkUnary<E>(apply: (value: Result) => Result, operand: Linked<E>): Linked<E> {
  if (operand.constant !== undefined) return constant(apply(operand.constant));
  const { evaluate } = operand;
  return computed((env) => apply(evaluate(env)));
}

function equalTo<E>(read: Evaluator<E>, wanted: Value): Evaluator<E> {
  if (typeof wanted !== 'object') {
    return (env) => {
      const value = read(env);
      return value === ERROR ? ERROR : value === wanted;
    };
  }
  if (wanted instanceof EntityUid) {
    const { type, id } = wanted;
    return (env) => {
      const value = read(env);
      if (value instanceof EntityUid) return value.id === id && value.type === type;
      return value === ERROR ? ERROR : false;
    };
  }
  return (env) => {
    const value = read(env);
    return value === ERROR ? ERROR : equals(value, wanted);
  };
}

function comparedTo<E>(op: BinaryOp, read: Evaluator<E>, limit: number | bigint): Evaluator<E> | undefined {
  switch (op) {
    case '<':
      return (env) => {
        const value = read(env);
        return isLong(value) ? value < limit : ERROR;
      };
    case '<=':
      return (env) => {
        const value = read(env);
        return isLong(value) ? value <= limit : ERROR;
      };
    case '>':
      return (env) => {
        const value = read(env);
        return isLong(value) ? value > limit : ERROR;
      };
    case '>=':
      return (env) => {
        const value = read(env);
        return isLong(value) ? value >= limit : ERROR;
      };
    default:
      return undefined;
  }
}

function withConstant<E>(op: BinaryOp, read: Evaluator<E>, value: Value): Evaluator<E> | undefined {
  if (op === '==') return equalTo(read, value);
  return isLong(value) ? comparedTo(op, read, value) : undefined;
}

export function linkBinary<E>(op: BinaryOp, left: Linked<E>, right: Linked<E>): Linked<E> {
  const apply = BINARY_FUNCTIONS[op];
  // Both are evaluated whatever the other answers, and evaluating has no effect but the answer.
  if (left.constant === ERROR || right.constant === ERROR) return constant(ERROR);
  if (left.constant !== undefined && right.constant !== undefined) {
    return constant(apply(left.constant, right.constant));
  }
  const [a, b] = [left.evaluate, right.evaluate];
  const mirrored = MIRRORED.get(op);
  const fast =
    right.constant !== undefined
      ? withConstant(op, a, right.constant)
      : left.constant !== undefined && mirrored !== undefined
        ? withConstant(mirrored, b, left.constant)
        : undefined;
  return computed(
    fast ??
      ((env) => {
        const first = a(env);
        if (first === ERROR) return ERROR;
        const second = b(env);
        return second === ERROR ? ERROR : apply(first, second);
      }),
  );
}
