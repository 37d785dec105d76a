import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectNotes } from '../../native-free-core/normalizer/effect-notes.ts';
import { loadMappings, type Mappings } from '../../native-free-core/normalizer/mappings.ts';
import { shadowsOf } from '../../native-free-core/normalizer/shadows.ts';

/** Tables of one rule each, named `rule 1`, `rule 2`, … for `METHOD host path class [fold]`. */
function load(rules: readonly string[]): Mappings {
  return loadMappings(
    rules.map((rule, index) => {
      const [method = '', host = '', path = '', name = '', fold] = rule.split(' ');
      const lines = ['[[rules]]', `host = "${host}"`, `path = "${path}"`, `action_class = "${name}"`];
      if (method !== '*') lines.push(`method = ${JSON.stringify(method.split(','))}`);
      if (fold !== undefined) lines.push(`fold = [${fold}]`);
      return { file: `rule ${index + 1}`, text: lines.join('\n') };
    }),
  );
}

function shadows(...rules: readonly string[]): readonly string[] {
  return shadowsOf(load(rules.map((rule) => `${rule.split(' ', 3).join(' ')} code.read`))).map(
    ({ rule, answeredBy }) => `${rule.file}: ${answeredBy.map(({ file }) => file).join(', ')}`,
  );
}

/** As `shadows`, for rules that fold their first segment where they say so. */
function foldedShadows(...rules: readonly string[]): readonly string[] {
  return shadowsOf(load(rules)).map(({ rule }) => rule.file);
}

describe('a rule that can never match', () => {
  it('is found where methods take all of its requests together', () => {
    const methods = 'GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS,CONNECT';
    expect(shadows(`${methods} h.example /a`, '* h.example /a')).toEqual(['rule 2: rule 1']);
    expect(shadows('GET,POST,PUT,PATCH,DELETE,OPTIONS,CONNECT h.example /a', '* h.example /a')).toEqual([
      'rule 2: rule 1',
    ]);
    expect(shadows('GET,POST,PUT,PATCH,DELETE,OPTIONS h.example /a', '* h.example /a')).toEqual([]);
  });

  it('is found where paths of each length take all of its requests together', () => {
    expect(shadows('* h.example /a/*', '* h.example /a/*/**', '* h.example /a/**')).toEqual([
      'rule 3: rule 1, rule 2',
    ]);
    expect(shadows('* h.example /', '* h.example /**', '* h.example *')).toEqual(['rule 3: rule 1, rule 2']);
    expect(shadows('* h.example /**', '* h.example *')).toEqual([]);
    expect(shadows('* h.example /a/*', '* h.example /a/*/*/**', '* h.example /a/**')).toEqual([]);
  });

  it('is not one of which some requests are left', () => {
    expect(shadows('GET h.example /a/b', 'GET h.example /a/*', 'GET h.example /a/**')).toEqual([]);
    expect(shadows('* a.h.example *', '* *.h.example *', '* * *')).toEqual([]);
    expect(shadows('GET h.example /a*', 'GET h.example /*aa', 'GET h.example /*')).toEqual([]);
  });

  it('is found below a domain and behind wildcards inside a segment', () => {
    expect(shadows('* *.h.example /', '* *.h.example /**', '* *.h.example *', '* *.b.h.example /x')).toEqual([
      'rule 3: rule 1, rule 2',
    ]);
    expect(shadows('* h.example /x*/*', '* h.example /x*/*/**', '* h.example /x*/**')).toEqual([
      'rule 3: rule 1, rule 2',
    ]);
  });

  it('is one whose HEAD another rule answers, and whose GET too', () => {
    expect(shadows('GET h.example /a/*', 'HEAD,GET h.example /a/*/**', 'GET h.example /a/**')).toEqual([
      'rule 3: rule 1, rule 2',
    ]);
    expect(shadows('HEAD h.example /a', 'GET h.example /a')).toEqual([]);
  });

  it('is told with letters of either case where its segments are folded', () => {
    const upper = '* h.example /AB/*/c code.read';
    const lower = '* h.example /ab/*/c code.read';
    const folded = '* h.example /ab/** code.read 1';
    expect(foldedShadows(upper, lower, folded)).toEqual([]);
    expect(
      foldedShadows('* h.example /ab/* code.read 1', '* h.example /ab/*/** code.read 1', folded),
    ).toEqual(['rule 3']);
    expect(
      foldedShadows(
        '* h.example /a/* code.read',
        '* h.example /a/*/** code.read',
        '* h.example /a/** code.read 1',
      ),
    ).toEqual([]);
  });
});

describe('what is called dead', () => {
  const paths = [['']];
  for (const last of paths)
    if (last.length < 5) paths.push(...['a', 'az', 'z'].map((text) => [...last, text]));
  const requests = ['h.example', 'y.h.example', 'z'].flatMap((host) =>
    paths.flatMap((path) => {
      const written = path.join('/') || '/';
      const target = {
        scheme: 'https' as const,
        host,
        port: 443,
        path: written,
        matchPath: written,
        query: '',
      };
      return ['GET', 'HEAD', 'DELETE'].map((method) => ({ target, method }));
    }),
  );

  it('is what no request reaches, whatever the rules', () => {
    const rule = fc
      .tuple(
        fc.constantFrom('GET', 'HEAD', '*', 'GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS,CONNECT'),
        fc.constantFrom('h.example', '*.h.example', '*'),
        fc.constantFrom('*', '/', '/**', '/*', '/*/**', '/a', '/a/*', '/a/**', '/a/*/**', '/a*/**', '/*/a'),
      )
      .map((parts) => parts.join(' '));
    let dead = 0;
    fc.assert(
      fc.property(fc.uniqueArray(rule, { minLength: 2, maxLength: 12 }), (rules) => {
        let mappings: Mappings;
        try {
          mappings = load(rules.map((text) => `${text} code.read`));
        } catch {
          // Two of them conflict: such a table does not load.
          return;
        }
        const reached = new Set(
          requests.map(({ target, method }) => mappings.trie.match(target, target.path, method)),
        );
        const never = mappings.rules.filter((_, index) => !reached.has(index)).map(({ rule }) => rule.where);
        expect(shadowsOf(mappings).map(({ rule }) => rule.where)).toEqual(never);
        dead += never.length;
      }),
      { numRuns: 300 },
    );
    expect(dead).toBeGreaterThan(10);
  });
});

describe('the effect rule', () => {
  it('names the rules whose class says another effect than a method they answer', () => {
    const notes = effectNotes(
      load([
        'GET h.example /change code.write',
        '* h.example /any code.write',
        'POST,DELETE h.example /delete code.read',
        '* h.example /read code.read',
        'GET,HEAD h.example /mixed payment.tax',
        'GET wttr.example /* communication.external.send',
        'POST h.example /fine code.write',
        'GET h.example /split code.read',
        '* h.example /split code.write',
      ]),
    );
    expect(
      notes
        .map(({ rule, methods, actionClass: { name } }) => `${rule.file} ${methods.join()} ${name}`)
        .sort(),
    ).toEqual([
      'rule 1 GET,HEAD code.write',
      'rule 2 GET,HEAD code.write',
      'rule 3 DELETE code.read',
      'rule 4 DELETE code.read',
      'rule 6 GET,HEAD communication.external.send',
    ]);
  });
});
