import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { locate, splitPolicies } from '../../native-free-core/policy/source.ts';

const split = (text: string): readonly string[] =>
  splitPolicies({ file: 'a.cedar', text }).map((policy) => policy.text);

describe('splitting a policy file', () => {
  it('ends a policy at its semicolon, not at one in quotes or comments', () => {
    expect(split('permit (a); // one; two\n\n@x("1;\\";2") forbid ( // ;\n b);  ')).toEqual([
      'permit (a);',
      '@x("1;\\";2") forbid ( // ;\n b);',
    ]);
  });

  it('ends a comment where Cedar does: at a lone carriage return too', () => {
    expect(split('// hidden \r forbid (a);')).toEqual(['forbid (a);']);
  });

  it('keeps what follows the last semicolon, so that Cedar refuses it', () => {
    expect(split('permit (a); forbid (b)')).toEqual(['permit (a);', 'forbid (b)']);
    expect(split('permit (a); // done')).toEqual(['permit (a);']);
    expect(split('@x("never closed; permit (a);')).toEqual(['@x("never closed; permit (a);']);
  });

  it('loses no policy, whatever stands between them', () => {
    const filler = fc.constantFrom(' ', '\n', '\r\n', '\t', '// a;b\n', '// "\n', '// (((\r');
    const policy = fc.constantFrom('permit(a);', '@id("x;y") forbid([{b}]);', '"\\\\";', 'if 1 // ;\n then;');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.array(filler), policy)), (parts) => {
        const text = parts.map(([between, body]) => between.join('') + body).join('');
        expect(split(text)).toEqual(parts.map(([, body]) => body));
      }),
    );
  });

  it('says where a policy stands, and where in it', () => {
    const [, second] = splitPolicies({
      file: 'a.cedar',
      text: '// é\npermit (a);\r\n\n  forbid (é,\n   b);',
    });
    expect(second).toMatchObject({ file: 'a.cedar', line: 4, column: 3 });
    if (second === undefined) return;
    expect(locate(second, 0)).toEqual({ file: 'a.cedar', line: 4, column: 3 });
    // Cedar counts bytes: `forbid (é,` is eleven of them, ten characters.
    expect(locate(second, 10)).toEqual({ file: 'a.cedar', line: 4, column: 12 });
    expect(locate(second, 15)).toEqual({ file: 'a.cedar', line: 5, column: 4 });
  });

  it.each([
    ['brackets', `permit (${'['.repeat(32)}`],
    ['braces', `permit ${'{a:'.repeat(33)}`],
    ['ifs', `permit ${'if a then '.repeat(33)}`],
    ['words', `permit ${'a || '.repeat(1000)}`],
    ['length', `permit "${'a'.repeat(200_000)}"`],
  ])('refuses what Cedar could not survive: too many %s', (_, text) => {
    expect(() => split(`permit (a);\n${text}`)).toThrow(
      /^a\.cedar:2:\d+: .*; split it into several policies$/,
    );
  });

  it('counts each policy by itself, and no list of names', () => {
    expect(split(`${'permit (if, if);'.repeat(100)}`)).toHaveLength(100);
    expect(split(`permit ([${'"host.example", '.repeat(5000)}]);`)).toHaveLength(1);
  });
});
