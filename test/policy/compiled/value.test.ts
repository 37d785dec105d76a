import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Datetime } from '../../../native-free-core/policy/compiled/extensions/datetime.ts';
import { Decimal } from '../../../native-free-core/policy/compiled/extensions/decimal.ts';
import {
  CedarRecord,
  CedarSet,
  EntityUid,
  equals,
  keyOf,
  toLong,
  type Value,
} from '../../../native-free-core/policy/compiled/value.ts';

// Few different leaves, so that equal values are common.
const text = fc.constantFrom('', 'a', 'b', 'ab', '1', 'T', 's1:a', '{}', '__proto__');
const leaf = fc.oneof(
  fc.boolean(),
  fc.constantFrom<Value>(0, 1, -1, 12, 2n ** 53n, -(2n ** 63n)),
  text,
  fc.tuple(text, text).map(([type, id]) => new EntityUid(type, id)),
  fc.constantFrom('1.0', '1.00', '2.5').map((digits) => Decimal.parse(digits) ?? false),
  fc.constantFrom('2024-01-01', '2024-01-01T00:00:00Z').map((date) => Datetime.parse(date) ?? false),
);
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }).map((items) => new CedarSet(items)),
    fc
      .array(fc.tuple(text, tie('value')), { maxLength: 3 })
      .map((fields) => new CedarRecord(new Map(fields))),
  ),
}));

describe('equality', () => {
  it('holds exactly where the keys are one text', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(equals(a, b)).toBe(keyOf(a) === keyOf(b));
        expect(equals(a, b)).toBe(equals(b, a));
        expect(equals(a, a)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  it('has no key that begins another', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(keyOf(a).startsWith(keyOf(b))).toBe(equals(a, b));
      }),
      { numRuns: 3000 },
    );
  });

  it.each<[string, Value, Value]>([
    ['a Long and its text', 1, '1'],
    ['true and one', true, 1],
    ['an entity and its name', new EntityUid('A', 'b'), 'A::"b"'],
    ['entities whose type and id join alike', new EntityUid('A', 'bc'), new EntityUid('Ab', 'c')],
    ['a set and its only member', new CedarSet([1]), 1],
    ['an empty set and an empty record', new CedarSet([]), new CedarRecord(new Map())],
    ['a set of a set and the set', new CedarSet([new CedarSet([1])]), new CedarSet([1])],
  ])('tells apart %s', (_, a, b) => {
    expect(equals(a, b)).toBe(false);
    expect(keyOf(a)).not.toBe(keyOf(b));
    expect(new CedarSet([a]).has(b)).toBe(false);
  });
});

describe('a set', () => {
  it('has no order, and equal values once', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 6 }), (items) => {
        const set = new CedarSet(items);
        expect(equals(set, new CedarSet([...items, ...items].toReversed()))).toBe(true);
        expect(set.size).toBe(new Set(items.map(keyOf)).size);
        expect(Array.from(set.values())).toHaveLength(set.size);
        expect(items.every((item) => set.has(item))).toBe(true);
      }),
    );
  });

  it('contains all and any as its members say', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 3 }), fc.array(value, { maxLength: 3 }), (some, others) => {
        const [a, b] = [new CedarSet(some), new CedarSet(others)];
        expect(a.hasAll(b)).toBe(others.every((item) => a.has(item)));
        expect(a.hasAny(b)).toBe(others.some((item) => a.has(item)));
      }),
    );
  });
});

describe('a Long', () => {
  it('is a number where that is exact, a bigint elsewhere, and ends with int64', () => {
    expect(toLong(2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER);
    expect(toLong(2n ** 53n)).toBe(2n ** 53n);
    expect(toLong(-(2n ** 53n) - 1n)).toBe(-(2n ** 53n) - 1n);
    expect(toLong(2n ** 63n - 1n)).toBe(2n ** 63n - 1n);
    expect(toLong(-(2n ** 63n))).toBe(-(2n ** 63n));
    expect(toLong(2n ** 63n)).toBeUndefined();
    expect(toLong(-(2n ** 63n) - 1n)).toBeUndefined();
  });
});
