import { describe, expect, it } from 'vitest';
import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';
import { runnersUp } from '../../native-free-core/normalizer/runners-up.ts';
import { canonicalTarget } from '../../native-free-core/normalizer/target.ts';

/** Each rule that lost as `line: why`; rules are `METHOD host path`, one a line, the first on line 1. */
function losers(rules: readonly string[], request: string): readonly string[] {
  const tables = rules.map((rule, index) => {
    const [method = '', host = '', path = '', fold] = rule.split(' ');
    const lines = ['[[rules]]', `host = "${host}"`, `path = "${path}"`, 'action_class = "code.read"'];
    if (method !== '*') lines.push(`method = ${JSON.stringify(method.split(','))}`);
    if (fold !== undefined) lines.push(`fold = [${fold}]`);
    return { file: `rule ${index + 1}`, text: lines.join('\n') };
  });
  const mappings = loadMappings(tables);
  const [method = '', host = '', path = ''] = request.split(' ');
  const target = canonicalTarget('https', host, path);
  if ('malformed' in target) throw new Error(target.malformed);
  const winner = mappings.rules[mappings.trie.match(target, path, method)];
  if (winner === undefined) throw new Error('no rule matches');
  return runnersUp(mappings, winner.rule, target, path, method).map(
    ({ rule, why }) => `${rule.file}: ${why}`,
  );
}

describe('the rules that lost', () => {
  it('are told apart at the first position where the winner is more specific', () => {
    const rules = [
      'GET api.example /repos/*/*/pulls/*',
      'GET api.example /repos/*/*/p*s/7',
      'GET api.example /repos/*/*/p*/7',
      'GET api.example /repos/*/*/*/7',
      'GET api.example /repos/**',
      'GET api.example *',
      'GET *.api.example /repos/a/b/pulls/7',
      'GET *.example /repos/a/b/pulls/7',
      'GET * /repos/a/b/pulls/7',
    ];
    expect(losers(rules, 'GET api.example /repos/a/b/pulls/7')).toEqual([
      'rule 2: path segment 4: the literal `pulls` before `p*s`',
      'rule 3: path segment 4: the literal `pulls` before `p*`',
      'rule 4: path segment 4: the literal `pulls` before `*`',
      'rule 5: path segment 2: `*` before `**`',
      'rule 6: path: `/repos/*/*/pulls/*` before any path',
      'rule 8: host: the exact `api.example` before `*.example`',
      'rule 9: host: the exact `api.example` before `*`',
    ]);
  });

  it('are told apart by host, by text around a wildcard and by method', () => {
    expect(losers(['* *.b.example /x', '* *.example /x', '* * /x'], 'GET a.b.example /x')).toEqual([
      'rule 2: host: `*.b.example` before `*.example`',
      'rule 3: host: `*.b.example` before `*`',
    ]);
    expect(losers(['GET h.example /p*s', 'GET h.example /p*'], 'GET h.example /pulls')).toEqual([
      'rule 2: path segment 1: `p*s` before `p*`, with more of it literal',
    ]);
    expect(losers(['GET,POST h.example /x', '* h.example /x'], 'GET h.example /x')).toEqual([
      'rule 2: method: `GET,POST` before any',
    ]);
  });

  it('do not hold a rule for GET where one beside it names HEAD', () => {
    const beside = ['GET h.example /x', 'HEAD h.example /x', 'GET h.example /*'];
    expect(losers(beside, 'HEAD h.example /x')).toEqual([
      'rule 3: path segment 1: the literal `x` before `*`',
    ]);
  });

  it('hold it where the one that names HEAD only has a literal that is called as a wildcard is', () => {
    for (const [name, wildcard] of [
      ['one', '*'],
      ['rest', '**'],
    ] as const) {
      const rules = [`HEAD h.example /a/${name}`, `GET h.example /a/${wildcard}`];
      expect(losers(rules, `HEAD h.example /a/${name}`)).toHaveLength(1);
    }
  });

  it('do not hold rules of another host, port, path or method, and fold as the rule says', () => {
    const rules = [
      'GET h.example /repos/*',
      'GET h.example /REPOS/** 1',
      'GET h.example /Repos/*/**',
      'POST h.example /repos/**',
      'GET h.example:8443 /repos/**',
      'GET i.example /repos/**',
    ];
    expect(losers(rules, 'GET h.example /repos/a')).toEqual(['rule 2: path segment 2: `*` before `**`']);
  });
});
