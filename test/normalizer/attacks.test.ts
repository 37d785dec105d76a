import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';
import { Normalizer } from '../../native-free-core/normalizer/normalizer.ts';
import { NONE } from '../../native-free-core/normalizer/trie.ts';
import { isRefusal, request } from './request.ts';

// Mild where a name is free, strict where one is meant: what an attacker wants the one taken for the other.
const mappings = loadMappings([
  {
    file: 'table.toml',
    text: `
[[rules]]
host = "h.example"
path = "/public/**"
encoded_slash = true
action_class = "code.read"

[[rules]]
host = "h.example"
path = "/*"
encoded_slash = true
action_class = "code.read"

[[rules]]
host = "h.example"
path = "/*/*"
encoded_slash = true
action_class = "issue.read"

[[rules]]
host = "h.example"
path = "/admin/keys"
action_class = "credential.write"

[[rules]]
host = "h.example"
path = "/admin:purge"
action_class = "repo.admin"

[[rules]]
host = "h.example"
path = "/a;b/keys"
action_class = "payment.payout"

[[rules]]
host = "h.example"
path = "/public/a;b"
action_class = "payment.transfer"

[[rules]]
method = "DELETE"
host = "h.example"
path = "/public/x"
action_class = "code.destructive"
`,
  },
]);
const normalizer = new Normalizer(mappings);

/** How a kind of server gets from the path it is sent to the names it looks up, with `/` between them. */
type Server = (path: string) => readonly string[];

const SERVERS: Readonly<Record<string, Server>> = {
  'decodes each segment': (path) => resolve(path.split('/').map(decode)),
  'decodes, then parts and resolves': (path) => resolve(decode(path).split('/')),
  'drops parameters, decodes each segment': (path) => resolve(path.split('/').map(bare).map(decode)),
  'drops parameters, decodes, parts': (path) =>
    resolve(decode(path.split('/').map(bare).join('/')).split('/')),
  'decodes, drops parameters, parts': (path) => resolve(decode(path).split('/').map(bare)),
  'decodes each segment, drops parameters': (path) => resolve(path.split('/').map(decode).map(bare)),
  'decodes, resolves, drops parameters': (path) =>
    resolve(resolve(decode(path).split('/')).map(bare).filter(Boolean)),
  'drops parameters of the last segment': (path) => {
    const names = path.split('/');
    return resolve([...names.slice(0, -1), bare(names.at(-1) ?? '')].map(decode));
  },
};

function decode(text: string): string {
  return decodeURIComponent(text);
}

function bare(segment: string): string {
  return segment.replace(/;.*$/s, '');
}

/** Empty segments merged, then dot segments resolved; above the root there is nothing. */
function resolve(names: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const name of names) {
    if (name === '..') kept.pop();
    else if (name !== '' && name !== '.') kept.push(name);
  }
  return kept;
}

/** The line of the rule for those names, or undefined. */
function ruleFor(names: readonly string[], method: string): string | undefined {
  const written = names.map(encode).join('/');
  const target = {
    host: 'h.example',
    port: 443,
    scheme: 'https',
    path: '',
    matchPath: '',
    query: '',
  } as const;
  const index = mappings.trie.match(target, `/${written}`, method);
  return index === NONE ? undefined : mappings.rules[index]?.rule.where;
}

function encode(name: string): string {
  return encodeURIComponent(name).replace(/%(?:3A|3B|40|24|26|2B|2C|3D)/g, decode);
}

function spellings(name: string): readonly string[] {
  return [name, name.replaceAll(';', '%3B').replaceAll(':', '%3A'), name.replaceAll('a', '%61')];
}

describe('whatever kind of server stands behind', () => {
  const token = fc.constantFrom(
    ...'admin keys public x a b / / / . .. ; : %2F %2f %3B %3b %3A %2e .%2E %61dmin ke%79s %40 %20 ;v=1 //'.split(
      ' ',
    ),
  );
  const smuggled = fc
    .tuple(fc.constantFrom('/', '/public/', '/public/a/', '/x/'), fc.array(token, { maxLength: 8 }))
    .map(([start, tokens]) => start + tokens.join(''));
  // The strict places, each name, slash and mark of them in some spelling, behind what a server may take away.
  const slash = fc.constantFrom('/', '/', '/', '%2F', '//', '/./', '%2f.%2F', '/x/../', '/x/..;/');
  const behind = fc.constantFrom('', '', '', ';c', '%3Bc', ';c%2Fd', '%2F', ';');
  const before = fc.constantFrom(
    '',
    '',
    '/public/..',
    '/public/x%2F..%2F..',
    '/x/..;',
    '/x/%2E%2E%3B',
    '/%2F',
  );
  const dressed = fc
    .constantFrom(['admin', 'keys'], ['public', 'a;b'], ['a;b', 'keys'], ['admin:purge'])
    .chain((names) =>
      fc.tuple(before, ...names.flatMap((name) => [slash, fc.constantFrom(...spellings(name)), behind])),
    )
    .map((parts) => parts.join(''))
    .filter((path) => path.startsWith('/'));

  it.each(Object.entries(SERVERS))('which %s, it does nothing that is no reading', (_, server) => {
    let accepted = 0;
    let elsewhere = 0;
    fc.assert(
      fc.property(fc.oneof(smuggled, dressed), (path) => {
        const matched = normalizer.match(request('GET', `https://h.example${path}`));
        if (isRefusal(matched)) return;
        accepted++;
        const rules = [matched.first, ...matched.others].map(({ mapped }) => mapped.rule.where);
        const done = ruleFor(server(matched.target.path), 'GET');
        if (done === undefined) return;
        if (done !== rules.at(-1)) elsewhere++;
        expect(rules).toContain(done);
      }),
      { numRuns: 1000 },
    );
    expect(accepted).toBeGreaterThan(200);
    expect(elsewhere).toBeGreaterThan(10);
  });
});

describe('many ways to read one request', () => {
  it('are found in bounded work', () => {
    const parts = ['..;', 'a;b', '%3B', '%2F', '%2F..%2F', ';x%2F', 'a%3Bb;c', '/'];
    const tail = Array.from({ length: 240 }, (_, index) => parts[index % parts.length]).join('');
    const path = `${'/a'.repeat(200)}/${tail}`;
    const matched = normalizer.match(request('GET', `https://h.example${path}`));
    expect(isRefusal(matched) && matched.refused).toBe('MALFORMED_REQUEST');
  });

  it('are refused where path and methods together make more than 64', () => {
    const path = 'https://h.example/public/a%3Bb;c%2Fd/e;f';
    const single = normalizer.match(request('GET', path));
    if (isRefusal(single)) throw new Error(single.detail);
    const count = 1 + single.others.length;
    const methods = Math.floor(64 / count) + 1;
    const override = (number: number): object =>
      normalizer.match(
        request('GET', path, {
          headers: {
            'x-http-method-override': ['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'CONNECT']
              .slice(0, number - 1)
              .join(','),
          },
        }),
      );
    expect(count).toBeGreaterThan(8);
    expect(override(methods)).toMatchObject({ refused: 'MALFORMED_REQUEST' });
    expect(override(methods - 1)).not.toHaveProperty('refused');
  });
});
