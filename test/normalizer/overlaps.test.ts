import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadMappings, type Mappings } from '../../native-free-core/normalizer/mappings.ts';
import { overlapsOf } from '../../native-free-core/normalizer/overlaps.ts';
import { shadowsOf } from '../../native-free-core/normalizer/shadows.ts';
import { Normalizer } from '../../native-free-core/normalizer/normalizer.ts';
import { request } from './request.ts';

/** Rules as `METHOD host path class`, each in a table named by its number. */
function load(rules: readonly string[]): Mappings {
  return loadMappings(
    rules.map((rule, index) => {
      const [method = '', host = '', path = '', name = ''] = rule.split(' ');
      const lines = ['[[rules]]', `host = "${host}"`, `path = "${path}"`, `action_class = "${name}"`];
      if (method !== '*') lines.push(`method = ${JSON.stringify(method.split(','))}`);
      return { file: `rule ${index + 1}`, text: lines.join('\n') };
    }),
  );
}

function overlaps(...rules: readonly string[]): readonly string[] {
  return overlapsOf(load(rules), 100).map(
    ({ answers, other, example }) => `${answers.file} before ${other.file}: ${example}`,
  );
}

describe('two rules that overlap', () => {
  it('are named with the one that answers and a request that both match', () => {
    expect(overlaps('GET h.example /a/*/c code.read', 'GET h.example /a/b/* repo.admin')).toEqual([
      'rule 2 before rule 1: GET h.example/a/b/c',
    ]);
    expect(
      overlaps('GET h.example /*/x/** code.read', 'GET h.example /a/**  repo.admin'.replace('  ', ' ')),
    ).toEqual(['rule 2 before rule 1: GET h.example/a/x/x']);
    expect(overlaps('GET h.example /p*/c code.read', 'GET h.example /*ls/* issue.read')).toEqual([
      'rule 2 before rule 1: GET h.example/pls/c',
    ]);
  });

  it('may differ in the host and in the method as well', () => {
    expect(overlaps('* a.h.example * code.read', '* *.h.example /keys credential.read')).toEqual([
      'rule 1 before rule 2: GET a.h.example/keys',
    ]);
    expect(overlaps('POST h.example /a/** code.write', '* h.example /a/b repo.admin')).toEqual([
      'rule 2 before rule 1: POST h.example/a/b',
    ]);
    expect(overlaps('GET * /keys credential.read', '* *.h.example:8443 /** code.read')).toEqual([]);
  });

  it('are none where one is the more specific throughout, their classes agree, or nothing is shared', () => {
    expect(overlaps('GET h.example /a/b/c code.read', 'GET h.example /a/** repo.admin')).toEqual([]);
    expect(overlaps('GET h.example /a/*/c code.read', 'GET h.example /a/b/* code.read')).toEqual([]);
    expect(overlaps('GET h.example /a/*/c code.read', 'POST h.example /a/b/* code.write')).toEqual([]);
    expect(overlaps('GET h.example /a/*/c code.read', 'GET i.example /a/b/* repo.admin')).toEqual([]);
    expect(overlaps('GET h.example /*/b/* code.read', 'GET h.example /a/*/c/d repo.admin')).toEqual([]);
  });

  it('are settled by a third rule for what they share', () => {
    const pair = ['GET h.example /a/*/c code.read', 'GET h.example /a/b/* repo.admin'];
    expect(overlaps(...pair, 'GET h.example /a/b/c issue.read')).toEqual([]);
    expect(overlaps(...pair, 'HEAD h.example /a/b/c issue.read')).toHaveLength(1);
    expect(overlaps(...pair, 'GET h.example /a/b/x issue.read')).toHaveLength(1);
  });

  it('give an example that is answered as the note says, whatever the rules', () => {
    const segment = fc.constantFrom('a', 'b', '*', 'a*', '*b');
    const path = fc
      .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.constantFrom('', '/**'))
      .map(([segments, end]) => `/${segments.join('/')}${end}`);
    const rule = fc
      .tuple(fc.constantFrom('GET', 'HEAD', '*'), fc.constantFrom('h.example', '*.example', '*'), path)
      .map((parts) => parts.join(' '));
    const names = ['code.read', 'issue.read', 'repo.admin'];
    let found = 0;
    fc.assert(
      fc.property(fc.uniqueArray(rule, { minLength: 2, maxLength: 8 }), (rules) => {
        let mappings: Mappings;
        try {
          mappings = load(rules.map((text, index) => `${text} ${names[index % 3]}`));
        } catch {
          // Two of them conflict: such a table does not load.
          return;
        }
        const normalizer = new Normalizer(mappings);
        for (const { answers, example } of overlapsOf(mappings, 100)) {
          const [method = '', target = ''] = example.split(' ');
          const matched = normalizer.match(request(method, `https://${target}`));
          expect('refused' in matched ? matched.detail : matched.first.mapped.rule.where).toBe(answers.where);
          found++;
        }
      }),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(10);
  });
});

describe('a table of ten thousand rules', () => {
  it('is checked in seconds, and the search for overlaps ends at the number asked for', () => {
    const names = ['code.read', 'issue.read'];
    const rules = Array.from({ length: 5000 }, (_, index) => {
      const name = names[index % 2] ?? '';
      return [
        `{ host = "h.example", path = "/a/x${index}/*/**", action_class = "${name}" }`,
        `{ host = "h.example", path = "/a/*/y${index}/z", action_class = "${name}" }`,
      ];
    }).flat();
    const mappings = loadMappings([{ file: 'big.toml', text: `rules = [\n${rules.join(',\n')}\n]` }]);
    const start = performance.now();
    expect(shadowsOf(mappings)).toEqual([]);
    expect(overlapsOf(mappings, 500)).toHaveLength(500);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
