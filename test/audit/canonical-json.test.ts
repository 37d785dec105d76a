import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalize } from '../../native-free-core/audit/canonical-json.ts';
import { NotCanonical } from '../../native-free-core/errors.ts';
import { describeShared, sharedPath } from '../shared-data.ts';

describeShared('RFC 8785 vectors', 'vectors/rfc8785', () => {
  const root = sharedPath('vectors/rfc8785');
  it.each(['arrays', 'french', 'structures', 'unicode', 'values', 'weird'])('%s', (name) => {
    const text = canonicalize(JSON.parse(readFileSync(`${root}/input/${name}.json`, 'utf8')));
    const hex = readFileSync(`${root}/outhex/${name}.txt`, 'utf8');
    expect(text).toBe(readFileSync(`${root}/output/${name}.json`, 'utf8'));
    expect(Buffer.from(text).toString('hex')).toBe(hex.replaceAll(/\s/g, ''));
  });
});

describe('canonicalize', () => {
  it('sorts members by UTF-16 code units, at every depth', () => {
    // U+10000 is the pair D800 DC00, which sorts before U+FB33.
    expect(canonicalize({ '\u{10000}': 1, '\ufb33': 2, b: { z: [], a: null }, A: true })).toBe(
      '{"A":true,"b":{"a":null,"z":[]},"\u{10000}":1,"\ufb33":2}',
    );
  });

  it('writes numbers in their shortest form', () => {
    expect(canonicalize([-0, 1e21, 0.000001, 1e-7, 333333333.3333333])).toBe(
      '[0,1e+21,0.000001,1e-7,333333333.3333333]',
    );
  });

  it('keeps a member called __proto__', () => {
    expect(canonicalize(JSON.parse('{"b":1,"__proto__":{"a":2}}'))).toBe('{"__proto__":{"a":2},"b":1}');
  });

  it('does not depend on the order of members and reads back as the same value', () => {
    const json = fc.jsonValue({ maxDepth: 5 }).filter((value) => !JSON.stringify(value).includes('\\ud'));
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalize(value);
        const reversed: unknown = JSON.parse(text, (_key, part: unknown) =>
          typeof part === 'object' && part !== null && !Array.isArray(part)
            ? Object.fromEntries(Object.entries(part).toReversed())
            : part,
        );
        expect(canonicalize(reversed)).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  let deep: unknown = 1;
  for (let i = 0; i < 65; i++) deep = [deep];

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['an undefined member', { a: undefined }],
    ['a hole', [1, , 2]], // oxlint-disable-line no-sparse-arrays
    ['NaN', Number.NaN],
    ['an infinity', [Number.NEGATIVE_INFINITY]],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['an object of a class', Object.create({})],
    ['a lone high surrogate', 'a\ud800'],
    ['a lone low surrogate', 'a\udc00b'],
    ['surrogates the wrong way round', '\udc00\ud800'],
    ['a lone surrogate in a name', { '\ud800': 1 }],
    ['a cycle', cyclic],
    ['65 levels', deep],
  ])('refuses %s', (_name, value) => {
    expect(() => canonicalize(value)).toThrow(NotCanonical);
  });

  it('takes 64 levels', () => {
    expect(canonicalize(Array.isArray(deep) ? deep[0] : undefined)).toBe(
      '['.repeat(64) + '1' + ']'.repeat(64),
    );
  });
});
