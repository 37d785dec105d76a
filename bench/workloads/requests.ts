import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadMappings, type MappingSource, type RawRequest } from '@firma/core';
import { shippedPath } from '../../src/config/package-root.ts';

/** One published operation, or one pattern of a rule: `{name}`, `*` and `**` stand for what a caller fills in. */
interface Operation {
  readonly method: string;
  readonly host: string;
  readonly path: string;
}

/** Every table in `mappings/`. */
export function shippedTables(): readonly MappingSource[] {
  const folder = shippedPath('mappings');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.toml'))
    .sort()
    .map((name) => ({ file: name, text: readFileSync(resolve(folder, name), 'utf8') }));
}

/** The published operations of three providers, or the patterns of the tables where those lists are not at hand. */
export function publishedOperations(tables: readonly MappingSource[]): readonly Operation[] {
  const folder = resolve(shippedPath('.'), process.env['FIRMA_SHARED'] ?? '../shared', 'api-surface');
  const lists = ['github', 'stripe', 'gmail'].map((name) => resolve(folder, `${name}.tsv`));
  if (!lists.every((list) => existsSync(list))) return patternsOf(tables);
  return lists.flatMap((list) =>
    readFileSync(list, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => {
        const [method = '', host = '', path = ''] = line.split('\t');
        return { method, host, path };
      }),
  );
}

function patternsOf(tables: readonly MappingSource[]): readonly Operation[] {
  return loadMappings(tables).rules.flatMap(({ rule }) =>
    rule.scheme === 'https' && rule.port === 443 && rule.host.kind === 'exact'
      ? [
          {
            method: rule.methods[0] ?? 'GET',
            host: rule.host.name,
            path: rule.path.any ? '/any' : rule.path.text,
          },
        ]
      : [],
  );
}

const NAMES = ['octocat', 'Hello-World', 'main', 'some_name-42', '1296269'];

/** A canonical request for an operation. */
export function requestFor({ method, host, path }: Operation, seed: number): RawRequest {
  let at = seed;
  const target = path.replace(/\{[^}]*\}|\*\*?/g, () => NAMES[at++ % NAMES.length] ?? '');
  return requestOf(method, host, target);
}

export function requestOf(method: string, host: string, target: string): RawRequest {
  return {
    method,
    scheme: 'https',
    hostPort: flat(host),
    target: flat(target),
    headers: new Map([['host', [flat(host)]]]),
    transport: 'proxy',
    bodyLength: 0,
  };
}

/** A text as it comes from a socket: in memory of its own, not a piece of a file. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** The same request as a careless client would write it: an escape, a dot segment, a doubled slash. */
export function rewritten(raw: RawRequest, seed: number): RawRequest {
  const { target } = raw;
  const last = target.lastIndexOf('/') + 1;
  const code = target.charCodeAt(last);
  const escaped = /[A-Za-z0-9]/.test(target.charAt(last))
    ? `${target.slice(0, last)}%${code.toString(16)}${target.slice(last + 1)}`
    : `/.${target}`;
  const spellings = [
    escaped,
    `${target.slice(0, last)}./${target.slice(last)}`,
    `/x/..${target}`,
    `/${target}`,
  ];
  return { ...raw, target: flat(spellings[seed % spellings.length] ?? target) };
}

/** `count` of a list, evenly spread; some more than once where it is shorter. */
export function spread<T>(list: readonly T[], count: number): readonly T[] {
  return Array.from({ length: count }, (_, index) => list[Math.floor((index * list.length) / count)]).filter(
    (entry) => entry !== undefined,
  );
}

const TEN_PATHS = [
  '/repos/*/*',
  '/repos/*/*/pulls',
  '/repos/*/*/pulls/*',
  '/repos/*/*/contents/**',
  '/repos/*/*/issues/*/comments',
  '/orgs/*/repos',
  '/user/repos',
  '/gists/*',
  '/search/code',
  '/notifications',
];

/** Ten rules, and `count - 10` more beside them that match none of `requestsOfTen`: same host, same depth, other names. */
export function tableOf(count: number): MappingSource {
  const paths = [...TEN_PATHS];
  for (let index = 0; paths.length < count; index++) {
    paths.push(
      [`/repos/*/*/topic-${index}/*`, `/topic-${index}/*`, `/orgs/*/topic-${index}`][index % 3] ?? '',
    );
  }
  const rules = paths.map(
    (path) =>
      `[[rules]]\nmethod = "GET"\nhost = "api.github.com"\npath = "${path}"\naction_class = "code.read"\n`,
  );
  return { file: `${count} rules`, text: rules.join('\n') };
}

export function requestsOfTen(count: number): readonly RawRequest[] {
  return spread(TEN_PATHS, count).map((path, index) =>
    requestFor({ method: 'GET', host: 'api.github.com', path }, index),
  );
}
