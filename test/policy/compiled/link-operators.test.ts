import { describe, expect, it } from 'vitest';
import { compare, type Context, extension, permitWhen, uid } from './oracle.ts';

// cedar-wasm says what is right.

/** Values of every type, in Cedar and in Cedar's JSON. */
const VALUES: readonly (readonly [string, Context[string]])[] = [
  ['true', true],
  ['false', false],
  ['0', 0],
  ['1', 1],
  ['-2', -2],
  ['""', ''],
  ['"b"', 'b'],
  ['User::"alice"', uid('User', 'alice')],
  ['Group::"alice"', uid('Group', 'alice')],
  ['Group::"company"', uid('Group', 'company')],
  ['[]', []],
  ['[1, true]', [1, true]],
  ['[true, 1, 1]', [true, 1, 1]],
  ['[Group::"x", Group::"team"]', [uid('Group', 'x'), uid('Group', 'team')]],
  ['[User::"alice", 1]', [uid('User', 'alice'), 1]],
  ['[[1, true]]', [[1, true]]],
  ['{}', {}],
  ['{a: 1, b: [2]}', { a: 1, b: [2] }],
  ['{b: [2, 2], a: 1}', { b: [2, 2], a: 1 }],
  ['{a: 1}', { a: 1 }],
  ['decimal("1.0")', extension('decimal', '1.0')],
  ['decimal("1.00")', extension('decimal', '1.00')],
  ['ip("10.0.0.1")', extension('ip', '10.0.0.1')],
  ['ip("10.0.0.0/8")', extension('ip', '10.0.0.0/8')],
  ['datetime("2024-01-01")', extension('datetime', '2024-01-01')],
  ['datetime("2024-01-01T01:00:00+0100")', extension('datetime', '2024-01-01T01:00:00+0100')],
  ['datetime("2024-01-02")', extension('datetime', '2024-01-02')],
  ['duration("1d")', extension('duration', '1d')],
  ['duration("25h")', extension('duration', '25h')],
];

const BOOLEAN_OPERATORS = ['==', '!=', '<', '<=', '>', '>=', 'in', '&&', '||'];
const ARITHMETIC = ['+', '-', '*'];
const METHODS = ['contains', 'containsAll', 'containsAny', 'hasTag', 'getTag', 'lessThan', 'isInRange'];

/** Every operator of two operands, as conditions. */
function binary(left: string, right: string): string[] {
  return [
    ...BOOLEAN_OPERATORS.map((op) => `(${left}) ${op} (${right})`),
    ...ARITHMETIC.map((op) => `((${left}) ${op} (${right})) == 1`),
    ...METHODS.map((method) => `(${left}).${method}(${right})`),
  ];
}

function unary(operand: string): string[] {
  return [
    `!(${operand})`,
    `-(${operand}) == 2`,
    `(${operand}).isEmpty()`,
    `(${operand}) has a`,
    `(${operand}) has a.b`,
    `(${operand}).a == 1`,
    `(${operand}) is User`,
    `(${operand}) is User in Group::"team"`,
    `(${operand}) is User in "x"`,
    `(${operand}) like "*"`,
    `if (${operand}) then 1 == 1 else 1`,
    operand,
  ];
}

describe('operators', () => {
  it('take values of the request as Cedar does, whatever their types', () => {
    const contexts = VALUES.flatMap(([, a]) => VALUES.map(([, b]) => ({ a, b })));
    const policies = binary('context.a', 'context.b').map(permitWhen);
    const { differences, counts } = compare(policies, contexts);
    expect(differences).toEqual([]);
    for (const count of counts) expect(count).toBeGreaterThan(100);
  });

  it('take literals on either side as Cedar does', () => {
    const contexts = VALUES.map(([, a]) => ({ a }));
    const policies = VALUES.flatMap(([text]) =>
      [...binary('context.a', text), ...binary(text, 'context.a')].map(permitWhen),
    );
    const { differences, counts } = compare(policies, contexts);
    expect(differences).toEqual([]);
    for (const count of counts) expect(count).toBeGreaterThan(100);
  });

  it('take two literals, and variables, as Cedar does', () => {
    const some = VALUES.filter((_, index) => index % 4 === 0).map(([text]) => text);
    const operands = [...some, 'principal', 'resource', 'context', 'context.missing', 'ip("no")'];
    const policies = operands.flatMap((a) => operands.flatMap((b) => binary(a, b))).map(permitWhen);
    const { differences } = compare(policies);
    expect(differences).toEqual([]);
  });

  it('with one operand answer as Cedar does', () => {
    const contexts = VALUES.map(([, a]) => ({ a }));
    const operands = [...VALUES.map(([text]) => text), 'context.a', 'principal', 'resource', 'context'];
    const { differences, counts } = compare(operands.flatMap(unary).map(permitWhen), contexts);
    expect(differences).toEqual([]);
    for (const count of counts) expect(count).toBeGreaterThan(100);
  });

  it('err where a Long is out of range, and are exact where a double is not', () => {
    const longs = [0n, 1n, -1n, 3_037_000_500n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
    const operations: readonly (readonly [string, (a: bigint, b: bigint) => bigint])[] = [
      ['+', (a, b) => a + b],
      ['-', (a, b) => a - b],
      ['*', (a, b) => a * b],
    ];
    const policies: string[] = [];
    for (const a of longs) {
      for (const b of longs) {
        for (const op of ['==', '<', '<=', '>', '>=']) policies.push(permitWhen(`${a} ${op} ${b}`));
        for (const [op, apply] of operations) {
          const exact = apply(a, b);
          const wanted = BigInt.asIntN(64, exact);
          policies.push(permitWhen(`(${a} ${op} ${b}) == ${wanted}`));
          policies.push(permitWhen(`(context.zero + ${a} ${op} ${b}) == ${wanted}`));
        }
      }
      policies.push(permitWhen(`-(${a}) == ${a === -(2n ** 63n) ? a : -a}`));
    }
    const { differences, counts } = compare(policies, [{ zero: 0 }]);
    expect(differences).toEqual([]);
    expect(counts[2]).toBeGreaterThan(50);
  });
});
