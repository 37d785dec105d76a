import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MappingInvalid } from '../../native-free-core/errors.ts';
import { loadMappings, type Mappings } from '../../native-free-core/normalizer/mappings.ts';
import { hostMatches, isFolded, pathMatches } from '../../native-free-core/normalizer/pattern.ts';
import type { Rule } from '../../native-free-core/normalizer/rules.ts';
import { canonicalTarget } from '../../native-free-core/normalizer/target.ts';
import { compile, tableOf, type TestRule } from './test-rules.ts';

function winner(rules: readonly TestRule[], method: string, url: string): TestRule | undefined {
  return rules[compile(rules)(method, url)];
}

const paths = (...list: string[]): TestRule[] => list.map((path) => ({ host: 'h.example', path }));

describe('the most specific rule wins', () => {
  it.each<[readonly TestRule[], string, string | undefined]>([
    [paths('/a/b', '/a/*', '/a/**', '/**'), '/a/b', '/a/b'],
    [paths('/a/b', '/a/*', '/a/**', '/**'), '/a/c', '/a/*'],
    [paths('/a/b', '/a/*', '/a/**', '/**'), '/a/b/c', '/a/**'],
    [paths('/a/b', '/a/*', '/a/**', '/**'), '/a', '/**'],
    [paths('/a/b', '/a/*', '/a/**', '/**'), '/', undefined],
    [paths('/a/*', '/*/b'), '/a/b', '/a/*'],
    [paths('/a/*/c', '/*/b/d'), '/a/b/d', '/*/b/d'],
    [paths('/a/*', '/a/x*', '/a/xy*'), '/a/xyz', '/a/xy*'],
    [paths('/a/*', '/a/x*', '/a/xy*'), '/a/xz', '/a/x*'],
    [paths('/a/x*', '/a/*'), '/a/x', '/a/x*'],
    [paths('/a/*.git', '/a/*'), '/a/b.git', '/a/*.git'],
    [paths('/a/**', '/*/*/c'), '/a/b/c', '/a/**'],
    [paths('/x*/c', '/*y/**'), '/xy/c', '/x*/c'],
    [paths('/x*/**', '/*y/c'), '/xy/c', '/*y/c'],
    [paths('/x*/**', '/*y/c'), '/xy/d', '/x*/**'],
    [paths('/repos/*/*', '/repos/*/*/contents/**'), '/repos/o/r/contents/pulls/1', '/repos/*/*/contents/**'],
    [paths('/a/b/'.slice(0, -1)), '/a/b/', '/a/b'],
  ])('%j for %s', (rules, path, expected) => {
    expect(winner(rules, 'GET', `h.example${path}`)?.path).toBe(expected);
  });

  it.each([
    ['a.b.example', 'a.b.example'],
    ['x.b.example', '*.b.example'],
    ['x.y.b.example', '*.b.example'],
    ['b.example', '*.example'],
    ['c.example', '*.example'],
    ['example', '*'],
    ['127.0.0.1', '*'],
    ['[::1]', '*'],
  ])('host %s is answered by %s', (host, expected) => {
    const rules = ['*', '*.example', '*.b.example', 'a.b.example'].map((pattern) => ({ host: pattern }));
    expect(winner(rules, 'GET', `${host}/x`)?.host).toBe(expected);
  });

  it('goes on to a wider host where the narrower one has no rule for the path', () => {
    const rules = [{ host: 'a.example', path: '/x' }, { host: '*.example', path: '/y' }, { host: '*' }];
    expect(winner(rules, 'GET', 'a.example/x')?.host).toBe('a.example');
    expect(winner(rules, 'GET', 'a.example/y')?.host).toBe('*.example');
    expect(winner(rules, 'GET', 'a.example/z')?.host).toBe('*');
  });

  it('matches only the scheme and port a rule means', () => {
    const mappings = loadMappings([{ file: 't', text: tableOf([{ host: 'h.example:8443' }]) }]);
    const matches = (scheme: 'http' | 'https', hostPort: string): boolean => {
      const target = canonicalTarget(scheme, hostPort, '/');
      return !('malformed' in target) && mappings.trie.match(target, '/', 'GET') !== -1;
    };
    expect(matches('https', 'h.example:8443')).toBe(true);
    expect(matches('https', 'h.example')).toBe(false);
    expect(matches('http', 'h.example:8443')).toBe(false);
  });
});

describe('methods', () => {
  const host = 'h.example';

  it('prefers a named method, then any, and backs up where neither is there', () => {
    const rules = [
      { host, path: '/a', method: ['POST'] },
      { host, path: '/a' },
      { host, path: '/**', method: ['PUT'] },
    ];
    expect(winner(rules, 'POST', 'h.example/a')).toBe(rules[0]);
    expect(winner(rules, 'PUT', 'h.example/a')).toBe(rules[1]);
    expect(
      winner(
        [rules[0], rules[2]].flatMap((rule) => rule ?? []),
        'PUT',
        'h.example/a',
      )?.path,
    ).toBe('/**');
  });

  it('answers HEAD by a GET rule, unless one at the same place names HEAD', () => {
    const get = { host, path: '/a', method: ['GET'] };
    const head = { host, path: '/a', method: ['HEAD'] };
    expect(winner([get], 'HEAD', 'h.example/a')).toBe(get);
    expect(winner([get, { host, path: '/a' }], 'HEAD', 'h.example/a')).toBe(get);
    expect(winner([get, head], 'HEAD', 'h.example/a')).toBe(head);
    expect(winner([get, head], 'GET', 'h.example/a')).toBe(get);
    expect(winner([head], 'GET', 'h.example/a')).toBeUndefined();
  });

  it('matches a method outside the known list only by a rule that names it', () => {
    const rules = [
      { host, path: '/a' },
      { host, path: '/b', method: ['PROPFIND'] },
    ];
    expect(winner(rules, 'PROPFIND', 'h.example/b')).toBe(rules[1]);
    expect(winner(rules, 'PROPFIND', 'h.example/a')).toBeUndefined();
    expect(winner(rules, 'GET', 'h.example/b')).toBeUndefined();
  });
});

describe('folded segments', () => {
  it('match in any case, and only those', () => {
    const rules = [{ host: 'h.example', path: '/repos/octo/*.Git', fold: [2, 3] }];
    expect(winner(rules, 'GET', 'h.example/repos/OCTO/a.gIT')).toBeDefined();
    expect(winner(rules, 'GET', 'h.example/Repos/octo/a.git')).toBeUndefined();
  });

  it('stand beside exact ones of the same rank', () => {
    const rules = [
      { host: 'h.example', path: '/A/x', fold: [1] },
      { host: 'h.example', path: '/A/*' },
    ];
    expect(winner(rules, 'GET', 'h.example/A/x')).toBe(rules[0]);
    expect(winner(rules, 'GET', 'h.example/A/y')).toBe(rules[1]);
    expect(winner(rules, 'GET', 'h.example/a/y')).toBeUndefined();
  });
});

// An independent reading of semantics §2, as plain as it can be written.
const ANY = 9;

function ranks({ host, path, method }: TestRule): readonly number[] {
  const labels =
    host === '*'
      ? [ANY]
      : host
          .split('.')
          .toReversed()
          .map((label) => (label === '*' ? 5 : 0));
  const segments = path === undefined ? [ANY] : path.slice(1).split('/').map(segmentRank);
  return [...labels, -1, ...segments, -1, method === undefined ? ANY : 0];
}

function segmentRank(segment: string): number {
  if (segment === '**') return 5;
  if (segment === '*') return 4;
  return segment.includes('*') ? 3 - segment.replaceAll('*', '').length / 10 : 0;
}

function isBefore(left: TestRule, right: TestRule): boolean {
  const [a, b] = [ranks(left), ranks(right)];
  const at = a.findIndex((rank, index) => rank !== b[index]);
  return at !== -1 && (a[at] ?? 0) < (b[at] ?? 0);
}

interface Request {
  readonly host: string;
  readonly path: string;
  readonly method: string;
}

/** What a rule of a list matches. */
function matcher(rule: TestRule, rules: readonly TestRule[]): (request: Request) => boolean {
  const host = new RegExp(`^${rule.host.replaceAll('.', '\\.').replace('*', '.+')}$`);
  const path = new RegExp(
    rule.path === undefined ? '' : `^${rule.path.split('/').map(segmentSource).join('/')}$`,
  );
  const isHeadNamed = rules.some(
    (other) => other.host === rule.host && other.path === rule.path && other.method?.includes('HEAD'),
  );
  return (request) => {
    if (!host.test(request.host) || !path.test(request.path)) return false;
    if (rule.method === undefined || rule.method.includes(request.method)) return true;
    return request.method === 'HEAD' && rule.method.includes('GET') && !isHeadNamed;
  };
}

function segmentSource(segment: string): string {
  if (segment === '**') return '.+';
  return segment === '*' ? '[^/]+' : segment.replaceAll('*', '[^/]*');
}

// Each kind of pattern has a request that no narrower one matches: a conflict shows whatever stands beside it.
const names = ['a', 'b', 'ab', 'xb', 'axb', 'ac', 'cxc', 'c'];
const requests: readonly Request[] = ['b', 'a.b', 'y.b', 'x.a.b', 'c'].flatMap((host) =>
  names
    .flatMap((x) => [`/${x}`, ...names.flatMap((y) => [`/${x}/${y}`, `/${x}/${y}/a`])])
    .flatMap((path) => ['GET', 'HEAD', 'POST', 'PUT'].map((method) => ({ host, path, method }))),
);

const segment = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '*b', 'a*b', '*x*');
const rule: fc.Arbitrary<TestRule> = fc
  .record({
    host: fc.constantFrom('b', 'a.b', '*.b', '*.a.b', '*'),
    segments: fc.array(segment, { minLength: 1, maxLength: 2 }),
    end: fc.constantFrom('', '/**', 'any'),
    method: fc.constantFrom(undefined, ['GET'], ['HEAD'], ['POST', 'GET']),
  })
  .map(({ host, segments, end, method }) => ({
    host,
    ...(end === 'any' ? {} : { path: `/${segments.join('/')}${end}` }),
    ...(method === undefined ? {} : { method }),
  }));

function answers(rules: readonly TestRule[]): unknown {
  try {
    const find = compile(rules);
    return requests.map(({ host, path, method }) => rules[find(method, host + path)]);
  } catch (error) {
    return error instanceof MappingInvalid ? 'conflict' : error;
  }
}

/** Undefined where the rules conflict. */
function loadUnlessConflict(rules: readonly TestRule[]): Mappings | undefined {
  try {
    return loadMappings([{ file: 't', text: tableOf(rules) }]);
  } catch (error) {
    if (error instanceof MappingInvalid) return undefined;
    throw error;
  }
}

/** The rule a scan of the ordered rules comes to first: their order, and the matching of one pattern by itself. */
function scanned(
  { rules }: Mappings,
  scheme: string,
  hostPort: string,
  path: string,
  method: string,
): number {
  const target = canonicalTarget(scheme === 'http' ? 'http' : 'https', hostPort, path);
  if ('malformed' in target) throw new Error(target.malformed);
  const headPlaces = new Set(
    rules.flatMap((r) => (r.rule.methods.includes('HEAD') ? [placeOf(r.rule)] : [])),
  );
  return rules.findIndex(({ rule }) => {
    if (rule.scheme !== target.scheme || rule.port !== target.port) return false;
    if (!hostMatches(rule.host, target.host) || !pathMatches(rule.path, path, rule.foldMask)) return false;
    if (rule.methods.length === 0) return method !== 'PROPFIND';
    if (rule.methods.includes(method)) return true;
    return method === 'HEAD' && rule.methods.includes('GET') && !headPlaces.has(placeOf(rule));
  });
}

function placeOf({ scheme, port, host, path, foldMask }: Rule): string {
  const segments = path.segments.map((part, position) => {
    if (!('text' in part)) return part.kind;
    return isFolded(foldMask, position) ? `folded ${part.text.toLowerCase()}` : part.text;
  });
  return JSON.stringify([scheme, port, host.kind, host.name, path.any, segments]);
}

const anyRule: fc.Arbitrary<TestRule> = fc
  .record({
    rule,
    port: fc.constantFrom('', '', ':8443'),
    scheme: fc.constantFrom(undefined, undefined, 'http'),
    fold: fc.constantFrom(undefined, undefined, [1], [1, 2]),
  })
  .map(({ rule: { host, path, method }, port, scheme, fold }) => ({
    host: host + port,
    ...(path === undefined ? {} : { path: fold === undefined ? path : path.replace('a', 'A') }),
    ...(method === undefined ? {} : { method }),
    ...(scheme === undefined ? {} : { scheme }),
    ...(fold === undefined ? {} : { fold }),
  }));

describe('laws of the trie', () => {
  it('answers every request as the plain reading of the order does, or refuses to load a conflict', () => {
    let loaded = 0;
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 6 }), (rules) => {
        const matchers = rules.map((r) => [r, matcher(r, rules)] as const);
        const best = requests.map((request) => {
          const matching = matchers.flatMap(([r, matches]) => (matches(request) ? [r] : []));
          return matching.filter((r) => !matching.some((other) => isBefore(other, r)));
        });
        const isConflict = best.some((list) => list.length > 1);
        loaded += isConflict ? 0 : 1;
        expect(answers(rules)).toEqual(isConflict ? 'conflict' : best.map(([r]) => r));
      }),
      { numRuns: 150 },
    );
    expect(loaded).toBeGreaterThan(50);
  });

  it('does not depend on the order of the rules', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(paths('/a', '/a*', '/*', '/*/b', '/a/*', '/a/**', '/**'), { minLength: 7 }),
        (rules) => {
          const sorted = [...rules].sort((left, right) => ((left.path ?? '') < (right.path ?? '') ? -1 : 1));
          for (const path of ['/a', '/ab', '/a/b', '/c/b', '/a/b/c']) {
            const url = `h.example${path}`;
            expect(winner(rules, 'GET', url)).toEqual(winner(sorted, 'GET', url));
          }
        },
      ),
    );
  });

  it('does not change the answer to a request that a new rule does not match', () => {
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), rule, (rules, added) => {
        const all = [...rules, added];
        const [before, after] = [answers(rules), answers(all)];
        fc.pre(Array.isArray(before) && Array.isArray(after));
        const isMatch = matcher(added, all);
        // A rule for HEAD takes HEAD over from a rule for GET at its place: §2 says so.
        const others = requests.map((r) => r.method !== 'HEAD' && !isMatch(r));
        const unmatched = (_: unknown, index: number): boolean => others[index] === true;
        expect([after].flat().filter(unmatched)).toEqual([before].flat().filter(unmatched));
      }),
      { numRuns: 60 },
    );
  });

  it('answers as a scan of the ordered rules does, whatever scheme, port, method and case', () => {
    const origins = ['b', 'a.b:8443', 'x.a.b', 'c'].flatMap((host) => [
      ['https', host] as const,
      ['http', host] as const,
    ]);
    const asked = ['/', '/a', '/A', '/ab', '/AB/b', '/a/B', '/A/a/a', '/axb/b/c', '/xb/AXB'];
    let loaded = 0;
    let matched = 0;
    fc.assert(
      fc.property(fc.array(anyRule, { minLength: 1, maxLength: 8 }), (rules) => {
        const mappings = loadUnlessConflict(rules);
        if (mappings === undefined) return;
        loaded++;
        for (const [scheme, host] of origins) {
          for (const path of asked) {
            for (const method of ['GET', 'HEAD', 'POST', 'PROPFIND']) {
              const target = canonicalTarget(scheme, host, path);
              if ('malformed' in target) throw new Error(target.malformed);
              const found = mappings.trie.match(target, path, method);
              matched += found === -1 ? 0 : 1;
              expect(found).toBe(scanned(mappings, scheme, host, path, method));
            }
          }
        }
      }),
      { numRuns: 100 },
    );
    expect(loaded).toBeGreaterThan(40);
    expect(matched).toBeGreaterThan(1000);
  });
});

describe('a table of 10,000 rules', () => {
  it('loads, and answers by the rule that is meant', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      host: index % 2 === 0 ? 'h.example' : `h${index}.example`,
      path: index % 3 === 0 ? `/a/x${index}*/**` : `/a/*/n${index}`,
    }));
    const find = compile(many);
    for (const index of [1, 2, 3, 600, 5001, 9998, 9999]) {
      const path = index % 3 === 0 ? `/a/x${index}y/z` : `/a/b/n${index}`;
      const host = index % 2 === 0 ? 'h.example' : `h${index}.example`;
      expect(many[find('GET', host + path)]).toBe(many[index]);
    }
    expect(find('GET', 'h.example/a/b/n10000')).toBe(-1);
  });
});
