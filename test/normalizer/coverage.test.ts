import { describe, expect, it } from 'vitest';
import { Usage } from '../../native-free-core/errors.ts';
import { classChanges, coverageOf } from '../../native-free-core/normalizer/coverage.ts';
import { loadMappings, type Mappings } from '../../native-free-core/normalizer/mappings.ts';
import { readOperations, writtenOperation } from '../../native-free-core/normalizer/operations-list.ts';

function load(...rules: readonly string[]): Mappings {
  return loadMappings([{ file: 'table.toml', text: rules.map((rule) => `[[rules]]\n${rule}\n`).join('\n') }]);
}

function refusalOf(text: string): string {
  try {
    readOperations(text, 'list.tsv');
  } catch (error) {
    if (error instanceof Usage) return error.message;
    throw error;
  }
  return 'it was read';
}

const mappings = load(
  'host = "h.example"\npath = "/items/*"\nmethod = "GET"\naction_class = "issue.read"',
  'host = "h.example"\npath = "/items/**"\nmethod = "DELETE"\naction_class = "repo.admin"',
  'host = "h.example"\npath = "/graphql"\nmethod = "POST"\naction_class = "code.read"\nrefine = "graphql"\n' +
    '[rules.refine_map]\nmergePullRequest = "code.merge"\naddStar = "notification.manage"',
);
const LIST = [
  'summary\tmethod\thost\tpath',
  'one\tGET\th.example\t/items/{id}',
  '\tDELETE\th.example\t/items/{id}/parts/{part}:all',
  'a query\tPOST\th.example\t/graphql',
  'one more\tPOST\th.example\t/items/{id}',
].join('\n');

describe('a list of operations', () => {
  it('is read by the names of its columns; parameters become names of their own', () => {
    const [, remove] = readOperations(`${LIST}\r\n\n`, 'list.tsv');
    expect(remove).toMatchObject({
      method: 'DELETE',
      host: 'h.example',
      path: '/items/{id}/parts/{part}:all',
    });
    expect(remove?.filledPath).toMatch(/^\/items\/[a-z-]+\/parts\/[a-z-]+:all$/);
    expect(
      readOperations(`\u{feff}method\thost\tpath\nGET\th.example\t/`, 'x').map(writtenOperation),
    ).toEqual(['GET h.example/']);
  });

  it.each([
    ['nothing', '', 'list.tsv:1: has no column `method`'],
    ['no operation', 'method\thost\tpath\n', 'list.tsv: names no operation'],
    ['commas for tabs', 'method,host,path\nGET,h.example,/', 'list.tsv:1: has no column `method`'],
    ['other columns', 'method\thost\tpath_pattern\nGET\th.example\t/', 'list.tsv:1: has no column `path`'],
    ['a column twice', 'method\thost\tpath\thost\nGET\th.example\t/\tx', 'names the column `host` twice'],
    ['a field too many', 'method\thost\tpath\nGET\th.example\t/\tx', 'list.tsv:2: has 4 fields, not 3'],
    ['a field too few', 'method\thost\tpath\n\nGET\th.example', 'list.tsv:3: `path` does not start with `/`'],
    ['a method in lower case', 'method\thost\tpath\nget\th.example\t/', 'list.tsv:2: the method is not'],
    ['a host that is none', 'method\thost\tpath\nGET\th example\t/', 'list.tsv:2: `host` and `path` are no'],
    [
      'a brace that is open',
      'method\thost\tpath\nGET\th.example\t/{id',
      'list.tsv:2: `host` and `path` are no',
    ],
    ['NUL bytes', '\0\0\0\0', 'list.tsv:1: has no column `method`'],
    ['too many lines', '\n'.repeat(200_001), 'list.tsv: has more than 200000 lines'],
  ])('is refused for %s', (_what, text, expected) => {
    expect(refusalOf(text)).toContain(expected);
  });
});

describe('coverage', () => {
  it('counts by class and risk; where a body decides, the strictest class counts', () => {
    expect(coverageOf(mappings, readOperations(LIST, 'list.tsv'))).toEqual({
      total: 4,
      classified: 3,
      unclassified: ['POST h.example/items/{id}'],
      by_class: { 'issue.read': 1, 'code.merge': 1, 'repo.admin': 1 },
      by_risk: { critical: 2, high: 0, medium: 0, low: 1 },
    });
  });

  it('does not take a parameter for a literal of the table', () => {
    const literal = load('host = "h.example"\npath = "/items/id"\naction_class = "issue.read"');
    expect(coverageOf(literal, readOperations(LIST, 'list.tsv')).classified).toBe(0);
  });
});

describe('a comparison of two tables', () => {
  it('lists what changes class, and what a table no longer or newly knows, in order', () => {
    const newer = load(
      'host = "h.example"\npath = "/items/*"\nmethod = "GET"\naction_class = "code.read"',
      'host = "h.example"\npath = "/items/*"\nmethod = "POST"\naction_class = "issue.write"',
      'host = "h.example"\npath = "/graphql"\nmethod = "POST"\naction_class = "code.merge"',
    );
    const changes = classChanges(mappings, newer, readOperations(LIST, 'list.tsv'));
    expect(
      changes.map(({ operation, from, to }) => `${writtenOperation(operation)} ${from?.name} ${to?.name}`),
    ).toEqual([
      'GET h.example/items/{id} issue.read code.read',
      'POST h.example/items/{id} undefined issue.write',
      'DELETE h.example/items/{id}/parts/{part}:all repo.admin undefined',
    ]);
  });

  it('is empty for a table and itself', () => {
    expect(classChanges(mappings, mappings, readOperations(LIST, 'list.tsv'))).toEqual([]);
  });
});
