import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadMappings, Normalizer } from '../../../native-free-core/index.ts';
import { toRawRequest } from '../../../src/call.ts';
import { callsOfRules } from '../../../src/cli/bench/rule-calls.ts';
import { shippedPath } from '../../../src/config/package-root.ts';

function rule(lines: string): string {
  return `[[rules]]\nhost = "api.example"\naction_class = "code.read"\n${lines}\n`;
}

function callsOf(...rules: readonly string[]) {
  return callsOfRules(loadMappings([{ file: 'rules.toml', text: rules.map(rule).join('\n') }]));
}

/** What the first call of a table is read as. */
function readingsOf(text: string) {
  const mappings = loadMappings([{ file: 'rules.toml', text }]);
  const normalizer = new Normalizer(mappings);
  return callsOfRules(mappings).calls.map(({ call }) => {
    const { raw, body } = toRawRequest(call, 'in-process', normalizer.readHeaders);
    const matched = normalizer.match(raw);
    const envelope = 'refused' in matched ? matched : normalizer.envelope(matched, body);
    if ('refused' in envelope) throw new Error(envelope.detail);
    return envelope.readings;
  });
}

describe('calls made from mapping tables', () => {
  it('are found for every rule that is shipped', () => {
    const folder = shippedPath('mappings');
    const tables = readdirSync(folder)
      .filter((name) => name.endsWith('.toml'))
      .map((file) => ({ file, text: readFileSync(join(folder, file), 'utf8') }));
    const { calls, rules, without } = callsOfRules(loadMappings(tables));
    expect(without).toEqual([]);
    expect(new Set(calls.map(({ where }) => where)).size).toBe(rules);
  });

  it('fill in hosts, ports, paths and methods', () => {
    const { calls } = callsOf('path = "/a/*/b-*"\nmethod = "POST"', 'path = "/c/**"\nscheme = "http"');
    expect(calls.map(({ call: { method, url } }) => `${method} ${url}`).toSorted()).toEqual([
      expect.stringMatching(/^GET http:\/\/api\.example\/c\/[^/*]+$/),
      expect.stringMatching(/^POST https:\/\/api\.example\/a\/[^/*]+\/b-[^/*]+$/),
    ]);
    const below = loadMappings([
      { file: 'x', text: '[[rules]]\nhost = "*.example.com:8443"\naction_class = "code.read"\n' },
    ]);
    expect(callsOfRules(below).calls[0]?.call.url).toMatch(/^https:\/\/[a-z]+\.example\.com:8443\//);
  });

  it.each([
    'method = "POST"\n[rules.params]\namount = "form:amount"\ncurrency = "form:currency"',
    'method = "POST"\n[rules.params]\namount = "json:/data/items/0/amount"\ncurrency = "json:/data/currency"',
    'method = "GET"\n[rules.params]\namount = "query:amount"\ncurrency = "query:currency"',
    'method = "GET"\n[rules.params]\namount = "header:x-amount"\ncurrency = "header:x-currency"',
    'method = "GET"\npath = "/pay/*/*"\n[rules.params]\namount = "path:2"\ncurrency = "path:3"',
  ])('carry the facts that a rule reads: %s', (lines) => {
    const [readings] = readingsOf(rule(lines));
    expect(readings?.[0].params).toEqual({ amount: expect.any(Number), currency: 'usd' });
  });

  it.each(['graphql', 'json-rpc', 'soap-action'])('come to every class of a body read by %s', (refiner) => {
    const lines = `method = "POST"\nrefine = "${refiner}"\n[rules.refine_map]\nwriteIt = "code.write"\ndropIt = "code.destructive"\nputIt = "code.write"`;
    const classes = readingsOf(rule(lines)).map((readings) => readings[0].actionClass.name);
    expect(classes.toSorted()).toEqual(['code.destructive', 'code.write']);
  });

  it.each([
    ['git-receive-pack', ['create', 'update', 'delete'], ['code.destructive', 'code.write', 'issue.write']],
    ['git-lfs', ['download', 'upload', undefined], ['code.destructive', 'code.write']],
  ])('come to every class of %s', (refiner, names, expected) => {
    const classes = ['code.write', 'code.destructive', 'issue.write'];
    const map = names.flatMap((name, index) => (name === undefined ? [] : [`${name} = "${classes[index]}"`]));
    const lines = `method = "POST"\nrefine = "${refiner}"\n[rules.refine_map]\n${map.join('\n')}`;
    const found = readingsOf(rule(lines)).map((readings) => readings[0].actionClass.name);
    expect(found.toSorted()).toEqual(expected);
  });

  it('name the rules that others answer for', () => {
    const { calls, without } = callsOf('path = "/a/b"\nmethod = "GET"', 'path = "/a/b"');
    expect(calls).toHaveLength(1);
    expect(without).toEqual(['rules.toml:7']);
  });

  it('are those of the rule although a name of another rule is a word one would fill in', () => {
    const { calls, without } = callsOf(
      'path = "/a/*"',
      'path = "/a/octocat"',
      'path = "/a/main"',
      'path = "/a/1296269"',
    );
    expect(without).toEqual([]);
    expect(new Set(calls.map(({ call }) => call.url)).size).toBe(4);
  });
});
