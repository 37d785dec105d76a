import * as fc from 'fast-check';
import { stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { MappingInvalid } from '../native-free-core/errors.ts';
import { parseToml, type TomlPath } from '../native-free-core/toml.ts';

function load(text: string) {
  return parseToml(text, 'f.toml', (message, at) => new MappingInvalid(message, at));
}

function lineOf(text: string, path: TomlPath): number | undefined {
  return load(text).locate(path).line;
}

describe('places in a TOML file', () => {
  const text = [
    '# a comment with [brackets] and = signs', // 1
    'title = "x"', // 2
    '[a]', // 3
    'plain = 1', // 4
    'dotted.deep.key = 2', // 5
    '"quo ted" = 3', // 6
    '"esc\\u0061ped" = 3', // 7
    "'lite.ral' = 4", // 8
    'long = """', // 9
    'not.a = "key"', // 10
    '[nor.this] \\""" ""', // 11
    '""""', // 12
    "raw = '''", // 13
    "[no] # '' ", // 14
    "'''''", // 15
    'list = [ # comment ]', // 16
    '  "one", "]",', // 17
    '  { inline = [1, 2], more.keys = "}" },', // 18
    ']', // 19
    'when = 1979-05-27 07:32:00 # date', // 20
    '[[rules]]', // 21
    'host = "h"', // 22
    '[rules.params]', // 23
    'amount = "form:amount"', // 24
    '[[ rules ]]', // 25
    'host = "i"', // 26
    '[rules.params]', // 27
    'amount = "form:other"', // 28
    '[[rules.inner]]', // 29
    'k = 1', // 30
    '[[rules.inner]]', // 31
    'k = 2', // 32
    '[ a . "b c" ]', // 33
    'last = { x = { y = 1 } }', // 34
  ].join('\n');

  it.each<[TomlPath, number]>([
    [['title'], 2],
    [['a'], 3],
    [['a', 'plain'], 4],
    [['a', 'dotted'], 5],
    [['a', 'dotted', 'deep', 'key'], 5],
    [['a', 'quo ted'], 6],
    [['a', 'escaped'], 7],
    [['a', 'lite.ral'], 8],
    [['a', 'long'], 9],
    [['a', 'raw'], 13],
    [['a', 'list'], 16],
    [['a', 'list', 1], 17],
    [['a', 'list', 2], 18],
    [['a', 'list', 2, 'inline', 1], 18],
    [['a', 'list', 2, 'more', 'keys'], 18],
    [['a', 'when'], 20],
    [['rules', 0], 21],
    [['rules', 0, 'host'], 22],
    [['rules', 0, 'params'], 23],
    [['rules', 0, 'params', 'amount'], 24],
    [['rules', 1], 25],
    [['rules', 1, 'host'], 26],
    [['rules', 1, 'params', 'amount'], 28],
    [['rules', 1, 'inner', 0, 'k'], 30],
    [['rules', 1, 'inner', 1, 'k'], 32],
    [['a', 'b c'], 33],
    [['a', 'b c', 'last', 'x', 'y'], 34],
  ])('%j stands on line %i', (path, line) => {
    expect(lineOf(text, path)).toBe(line);
  });

  it('falls back to the nearest table above a key that is missing', () => {
    expect(lineOf(text, ['rules', 1, 'action_class'])).toBe(25);
    expect(lineOf(text, ['nowhere'])).toBeUndefined();
  });

  it('counts columns from 1, and a table by its own header', () => {
    expect(load('[x.y]\n[x]\n  k = 1').locate(['x', 'k'])).toEqual({ file: 'f.toml', line: 3, column: 3 });
    expect(lineOf('[x.y]\n[x]', ['x'])).toBe(2);
  });

  it('counts lines that end in CR LF', () => {
    expect(lineOf('a = 1\r\n# c\r\n\r\nb = 2\r\n', ['b'])).toBe(4);
  });

  it('finds every key of any document', () => {
    const key = fc.oneof(fc.stringMatching(/^[a-z]{1,4}$/), fc.string({ minLength: 1, maxLength: 4 }));
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 3 }));
    const inner = fc.dictionary(key, leaf, { maxKeys: 3 });
    const document = fc.dictionary(
      key,
      fc.oneof(leaf, inner, fc.array(inner, { minLength: 1, maxLength: 3 })),
    );
    fc.assert(
      fc.property(document, (value) => {
        const written = stringify(value);
        const { locate } = load(written);
        const lines = written.split('\n');
        for (const path of pathsIn(value)) {
          const name = path.at(-1);
          const { line = 0, column = 0 } = locate(path);
          const isBare = typeof name === 'string' && /^[a-z]+$/.test(name);
          const expected = isBare ? new RegExp(`^${name} = |^\\[.*\\b${name}\\]+$`) : /./;
          expect(lines[line - 1]?.slice(column - 1)).toMatch(expected);
        }
      }),
    );
  });
});

function pathsIn(value: unknown, path: TomlPath = []): readonly TomlPath[] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return [
    ...(path.length === 0 ? [] : [path]),
    ...entries.flatMap(([step, next]) => pathsIn(next, [...path, step])),
  ];
}

function loadBroken() {
  return load('secret = "hunter2"\nkey = = 2');
}

describe('text that is not TOML', () => {
  it('is refused with line and column, and without the lines around it', () => {
    expect(loadBroken).toThrow(MappingInvalid);
    expect(loadBroken).toThrow(/^f\.toml:2:\d+: not valid TOML: [^\n]+$/);
    expect(loadBroken).not.toThrow(/hunter2/);
  });
});
