import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonNumber, readJson, type JsonValue } from '../../native-free-core/normalizer/json-reader.ts';

function plain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return Number(value.text);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, member]: [string, JsonValue]) => [key, plain(member)]));
  }
  return Array.isArray(value) ? value.map((element: JsonValue) => plain(element)) : value;
}

describe('the strict JSON reader', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 2 }), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const read = readJson(text);
        // Lone surrogates are the only ones that are written as escapes.
        if (/\\ud/.test(text)) return;
        expect(read === undefined ? 'refused' : plain(read)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('keeps a number as it is written', () => {
    expect(readJson('9007199254740993')).toEqual(new JsonNumber('9007199254740993'));
    expect(readJson(' -0.10E+2 ')).toEqual(new JsonNumber('-0.10E+2'));
  });

  it.each([
    ['nothing', ''],
    ['two values', '1 2'],
    ['a key twice', '{"a":1,"a":2}'],
    ['a key twice, once escaped', '{"amount":1,"\\u0061mount":2}'],
    ['a key twice, deeper', '[{"x":{"a":1,"b":2,"a":1}}]'],
    ['a NUL in a key', '{"a\\u0000":1}'],
    ['a trailing comma', '{"a":1,}'],
    ['a trailing comma in a list', '[1,]'],
    ['a missing value', '{"a":}'],
    ['a missing colon', '{"a" 1}'],
    ['a bare key', '{a:1}'],
    ['single quotes', "{'a':1}"],
    ['a comment', '{"a":1/*x*/}'],
    ['a leading zero', '01'],
    ['a plus sign', '+1'],
    ['a bare point', '.5'],
    ['a hexadecimal', '0x10'],
    ['NaN', 'NaN'],
    ['a raw line feed in a string', '"a\nb"'],
    ['an unknown escape', '"\\x41"'],
    ['a lone surrogate', '"\\ud800"'],
    ['an open string', '"a'],
    ['an open list', '[1'],
    ['a byte order mark', '\ufeff{}'],
    ['nesting of 65', '['.repeat(66) + ']'.repeat(66)],
    ['nesting without an end', '['.repeat(60_000)],
  ])('refuses %s', (_, text) => {
    expect(readJson(text)).toBeUndefined();
  });

  it('reads a surrogate pair, and nesting up to 64', () => {
    expect(readJson('"\\ud83d\\ude00"')).toBe('\u{1f600}');
    expect(readJson('['.repeat(65) + ']'.repeat(65))).toBeDefined();
  });
});
