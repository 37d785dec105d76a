import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';
import { Normalizer } from '../../native-free-core/normalizer/normalizer.ts';
import type { MappingSource } from '../../native-free-core/normalizer/rules.ts';
import { describeShared, sharedPath } from '../shared-data.ts';
import { bytes, classify, isRefusal, request } from './request.ts';

const folder = new URL('../../mappings/', import.meta.url);
const sources: readonly MappingSource[] = readdirSync(fileURLToPath(folder))
  .filter((name) => name.endsWith('.toml'))
  .map((name) => ({ file: `mappings/${name}`, text: readFileSync(new URL(name, folder), 'utf8') }));
const mappings = loadMappings(sources);
const normalizer = new Normalizer(mappings);

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

function groupsOf(url: string): unknown {
  const matched = normalizer.match(request('POST', url));
  return isRefusal(matched) ? matched.refused : matched.first.resource.hostGroups;
}

describe('the shipped tables', () => {
  it('keep reading apart from changing: no GET or HEAD changes, no DELETE only reads', () => {
    const wrong = mappings.rules.filter(({ rule }) => {
      const { effect } = rule.actionClass;
      const reads =
        rule.methods.includes('GET') || rule.methods.includes('HEAD') || rule.methods.length === 0;
      const deletes = rule.methods.includes('DELETE') || rule.methods.length === 0;
      return (reads && effect === 'change') || (deletes && effect === 'read');
    });
    expect(wrong.map(({ rule }) => rule.where)).toEqual([]);
  });

  it('name the model and exfiltration hosts as groups', () => {
    expect(mappings.hostGroups).toEqual(['exfiltration', 'model']);
    expect(groupsOf('https://api.anthropic.com/v1/messages')).toEqual(['model']);
    expect(groupsOf('https://paste.rs/')).toEqual(['exfiltration']);
    expect(groupsOf('https://api.stripe.com/v1/charges')).toEqual([]);
  });

  it('read the amount and currency of a payment from its form', () => {
    const body = bytes('amount=500&currency=USD&payment_method_types[]=card');
    const raw = request('POST', 'https://api.stripe.com/v1/payment_intents', {
      headers: FORM,
      bodyLength: body.length,
    });
    const matched = normalizer.match(raw);
    if (isRefusal(matched)) throw new Error(matched.detail);
    expect(matched.needsBody).toBe(true);
    expect(normalizer.envelope(matched, body)).toMatchObject({
      readings: [{ params: { amount: 500, currency: 'usd' }, resource: { provider: 'stripe' } }],
    });
  });

  it('take a file at any depth for a file, whatever its name', () => {
    const url = 'https://api.github.com/repos/o/r/contents/pulls/1/reviews/2';
    expect(classify(normalizer, request('PUT', url))).toBe('code.write');
    expect(classify(normalizer, request('DELETE', url))).toBe('code.destructive');
  });

  it('name GitHub owners and repositories in lower case', () => {
    const matched = normalizer.match(
      request('GET', 'https://api.github.com/repos/OctoCat/Hello/contents/README.md'),
    );
    expect(matched).toMatchObject({
      first: { resource: { uid: 'api.github.com/repos/octocat/hello/contents/README.md' } },
    });
  });

  it.each([
    ['an encoded slash between owner and repository', 'GET', 'https://api.github.com/repos/octocat%2Fhello'],
    ['an overriding method', 'POST', 'https://api.github.com/repos/o/r/forks?_method=DELETE'],
    ['another port', 'GET', 'https://api.github.com:8443/repos/o/r'],
    ['plain HTTP', 'GET', 'http://api.github.com/repos/o/r'],
    ['a host that only ends alike', 'GET', 'https://xapi.github.com/repos/o/r'],
    ['a host below', 'GET', 'https://evil.api.github.com/repos/o/r'],
    ['the domain itself', 'POST', 'https://anthropic.com/v1/messages'],
  ])('do not answer %s', (_, method, url) => {
    expect(classify(normalizer, request(method, url))).toBe('UNCLASSIFIED_ACTION');
  });
});

/** Where `mappings/DIFFERENCES.md` says so: method, path pattern and the class here. */
const differences: ReadonlyMap<string, string> = new Map(
  readFileSync(new URL('DIFFERENCES.md', folder), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, method, target, theirs, ours] =
        /^\| `(\S+) (\S+)` +\| `(\S+)` +\| `(\S+)` +\|/.exec(line) ?? [];
      return method === undefined ? [] : [[`${method} ${target} ${theirs}`, ours ?? ''] as const];
    }),
);

const ROWS = 'api-surface/openfirma-rows.tsv';

describeShared("OpenFirma's rows", ROWS, () => {
  const rows = readFileSync(sharedPath(ROWS), 'utf8').trim().split('\n').slice(1);

  it('are all there, and at most twelve differ', () => {
    expect(rows).toHaveLength(187);
    expect(differences.size).toBeLessThanOrEqual(12);
    for (const key of differences.keys()) {
      const [method, target = '', theirs] = key.split(' ');
      const slash = target.indexOf('/');
      expect(
        rows.some((row) =>
          row.endsWith([method, target.slice(0, slash), target.slice(slash), theirs].join('\t')),
        ),
      ).toBe(true);
    }
  });

  it.each(rows)('%s', (row) => {
    const [, written = '', host = '', path = '', theirs = ''] = row.split('\t');
    const expected = differences.get(`${written} ${host}${path} ${theirs}`) ?? theirs;
    const methods = written === 'ANY' ? ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] : [written];
    for (const method of methods) {
      for (const url of urlsOf(host, path)) {
        const found = classify(normalizer, request(method, url), new Uint8Array(0));
        expect([method, url, found]).toEqual([method, url, expected]);
      }
    }
  });
});

/** The pattern with its wildcards filled in: a segment by names, ids and a dotted name, a file at two depths. */
function urlsOf(host: string, path: string): readonly string[] {
  const hosts = host.startsWith('*.') ? [`api${host.slice(1)}`, `a.b${host.slice(1)}`] : [host];
  const fillings = ['octocat', 'ch_1A2b3C', '42', 'v1.2-rc_3~x', 'a%20b'];
  const paths =
    path === '*' ? ['/', '/v1/messages', '/a/b/c'] : fillings.map((filling) => fill(path, filling));
  if (path.endsWith('/contents/*')) paths.push(...paths.map((filled) => `${filled}/pulls/1/merge`));
  return hosts.flatMap((name) => paths.map((filled) => `https://${name}${filled}`));
}

function fill(path: string, filling: string): string {
  return path
    .split('/')
    .map((segment) =>
      segment === '*' || segment.startsWith('*') ? segment.replace('*', filling) : segment.replace('*', ''),
    )
    .join('/');
}
