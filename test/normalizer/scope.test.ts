import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileScope } from '../../native-free-core/normalizer/scope.ts';
import { canonicalTarget } from '../../native-free-core/normalizer/target.ts';
import type { ScopedResource } from '../../native-free-core/registry/scope.ts';

function target(url: string, foldMask = 0): ScopedResource {
  const [, scheme, hostPort = '', path = ''] = /^(https?):\/\/([^/]*)(.*)$/.exec(url) ?? [];
  const canonical = canonicalTarget(scheme === 'http' ? 'http' : 'https', hostPort, path);
  if ('malformed' in canonical) throw new Error(canonical.malformed);
  const { host, port, matchPath } = canonical;
  return { scheme: canonical.scheme, host, port, path: matchPath, foldMask };
}

function isInScope(patterns: readonly string[], url: string, foldMask?: number): boolean {
  const scope = compileScope(patterns);
  if ('invalid' in scope) throw new Error(scope.invalid);
  return scope.matches(target(url, foldMask));
}

describe('a resource scope', () => {
  it.each([
    ['h.example', 'https://h.example/any/path', true],
    ['h.example', 'https://h.example/', true],
    ['h.example', 'https://sub.h.example/', false],
    ['h.example', 'https://xh.example/', false],
    ['h.example', 'http://h.example/', false],
    ['h.example', 'https://h.example:8443/', false],
    ['h.example:8443', 'https://h.example:8443/x', true],
    ['h.example:8443', 'https://h.example/x', false],
    ['http://h.example', 'http://h.example/x', true],
    ['http://h.example', 'https://h.example/x', false],
    ['http://h.example', 'http://h.example:8080/x', false],
    ['https://h.example/x', 'https://h.example/x', true],
    ['h.example/p', 'https://h.example/p', true],
    ['h.example/p', 'https://h.example/p/', true],
    ['h.example/p', 'https://h.example/p/q', false],
    ['h.example/p', 'https://h.example/pq', false],
    ['h.example/p/**', 'https://h.example/p', false],
    ['h.example/p/**', 'https://h.example/p/q', true],
    ['h.example/p/**', 'https://h.example/p/q/r', true],
    ['h.example/p/**', 'https://h.example/pq/r', false],
    ['h.example/', 'https://h.example/', true],
    ['h.example/', 'https://h.example/p', false],
    ['h.example/p/*/q', 'https://h.example/p/x/q', true],
    ['h.example/p/*/q', 'https://h.example/p/x/y/q', false],
    ['h.example/p/*/q', 'https://h.example/p//q', false],
    ['h.example/*.git', 'https://h.example/a.git', true],
    ['h.example/*.git', 'https://h.example/.git', true],
    ['h.example/*.git', 'https://h.example/agit', false],
    ['h.example/a*b*c', 'https://h.example/abc', true],
    ['h.example/a*b*c', 'https://h.example/axbyc', true],
    ['h.example/a*b*c', 'https://h.example/ac', false],
    ['h.example/a*a', 'https://h.example/a', false],
    ['*.example', 'https://a.example/', true],
    ['*.example', 'https://a.b.example/x', true],
    ['*.example', 'https://example/', false],
    ['*.b.example', 'https://xb.example/', false],
    ['[::1]:8443/p', 'https://[::1]:8443/p', true],
    ['127.0.0.1', 'https://127.0.0.1/', true],
    ['*:8443', 'https://h.example:8443/', true],
    ['*', 'http://h.example:1234/x', true],
  ])('%s holds %s: %s', (pattern, url, expected) => {
    expect(isInScope([pattern], url)).toBe(expected);
  });

  it('holds what any of its patterns holds, and nothing where it is empty', () => {
    expect(isInScope(['h.example/p', 'h.example/q'], 'https://h.example/q')).toBe(true);
    expect(isInScope([], 'https://h.example/')).toBe(false);
  });

  it('compares folded segments in lower case, and no others', () => {
    const scope = ['h.example/Repos/OctoCat'];
    expect(isInScope(scope, 'https://h.example/Repos/octocat', 0b10)).toBe(true);
    expect(isInScope(scope, 'https://h.example/repos/octocat', 0b10)).toBe(false);
    expect(isInScope(scope, 'https://h.example/Repos/octocat')).toBe(false);
  });

  it.each([
    'H.example',
    'h.example.',
    'h.example:443x',
    'ftp://h.example',
    'a*.example',
    'a.*.example',
    '*.*.example',
    '*.127.0.0.1',
    '**',
    '',
    'h.example/p/',
    'h.example//p',
    'h.example/p/../q',
    'h.example/%41',
    'h.example/a%2fb',
    'h.example/p?q',
    'h.example/**/p',
    'h.example/p**',
    'h.example/*a*b*',
    `h.example${'/a'.repeat(65)}`,
  ])('refuses the pattern %j', (pattern) => {
    expect(compileScope(['ok.example', pattern])).toHaveProperty('invalid');
    expect(compileScope(['*', pattern])).toHaveProperty('invalid');
  });

  it('never holds less with a wider path', () => {
    const segment = fc.constantFrom('a', 'b', 'ab');
    const wild = fc.oneof(segment, fc.constantFrom('*', 'a*', '*b'));
    fc.assert(
      fc.property(pathOf(wild), pathOf(segment), pathOf(segment), (pattern, prefix, rest) => {
        const url = `https://h.example${prefix}${rest}`;
        fc.pre(isInScope([`h.example${pattern}${rest}`], url));
        expect(isInScope([`h.example${pattern}/**`], url)).toBe(true);
        expect(isInScope(['h.example'], url)).toBe(true);
      }),
    );
  });
});

function pathOf(segment: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.array(segment, { minLength: 1, maxLength: 2 }).map((parts) => `/${parts.join('/')}`);
}
