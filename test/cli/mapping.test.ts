import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeLastingDir } from '../config/place.ts';
import { type Around, firma, type Finished } from './firma.ts';

const OLD = `[[rules]]
method = "GET"
host = "h.example"
path = "/items/*"
action_class = "issue.read"

[[rules]]
host = "h.example"
path = "/items/**"
action_class = "repo.admin"
`;
const NEW = OLD.replace('"issue.read"', '"code.read"');
const FLAWED = `${OLD}
[[rules]]
host = "h.example"
path = "/items/*/**"
action_class = "code.read"

[[rules]]
method = "POST"
host = "h.example"
path = "/*/secrets"
action_class = "credential.write"

[[rules]]
host = "h.example"
path = "/items/*"
action_class = "issue.write"
`;
const LIST = `method\thost\tpath\tsummary
GET\th.example\t/items/{id}\tone
DELETE\th.example\t/items/{id}\t
GET\th.example\t/other\tno rule
`;
const CONFIG = `[sidecar.mapping]
rules_path = "tables"
[sidecar.policy]
path = "none.cedar"
[authority]
issuance_path = "none.cedar"
`;

let project: Around;
let remove: () => void;

beforeAll(async () => {
  const place = makeLastingDir({
    'firma.toml': CONFIG,
    'none.cedar': '',
    'tables/old.toml': OLD,
    'new.toml': NEW,
    'flawed.toml': FLAWED,
    'broken.toml': '[[rules]]\nhost = "a.example"\naction_class = "code.raed"\n',
    'broken-too.toml': '[[rules]]\nhost = "a.example/x"\naction_class = "code.read"\n',
    'list.tsv': LIST,
    'known.tsv': LIST.split('\n').slice(0, 3).join('\n'),
    'line.tsv': 'method\thost\tpath\nGET\th.example\tx\n',
  });
  remove = place.remove;
  mkdirSync(join(place.root, 'none'));
  project = { cwd: place.root, env: { FIRMA_STATE_DIR: join(place.root, 'state') } };
  await firma(['trust'], project);
});

afterAll(() => remove());

function mapping(...args: readonly string[]): Promise<Finished> {
  return firma(['mapping', ...args], project);
}

describe('firma mapping check', () => {
  it('checks the tables of the configuration, and finds nothing', async () => {
    const { code, out, err } = await mapping('check', '--strict');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    // A rule for every method that changes something answers GET too.
    expect(out).toContain(
      'tables/old.toml:7: note: `* h.example /items/**` answers GET, HEAD, but repo.admin is a',
    );
    expect(out).toMatch(/^rules: 2 in 1 table; can never match: 0; overlaps: 0; effects .*: 1$/m);
  });

  it('warns of a rule that can never match, which fails with --strict alone', async () => {
    const warned = await mapping('check', 'flawed.toml');
    expect({ code: warned.code, err: warned.err }).toEqual({ code: 0, err: '' });
    expect(warned.out).toContain(
      'flawed.toml:7: warning: `* h.example /items/**` can never match; ' +
        'what answers instead: flawed.toml:1, flawed.toml:23, flawed.toml:12',
    );
    expect(warned.out).toContain(
      'flawed.toml:23: note: `* h.example /items/*` makes `POST h.example/items/secrets` issue.write; ' +
        '`POST h.example /*/secrets` at flawed.toml:17 would make it credential.write',
    );
    const { code, out } = await mapping('check', 'flawed.toml', '--strict', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      tables: 1,
      rules: 5,
      shadows: [
        { rule: { file: 'flawed.toml', line: 7 }, answered_by: [{ line: 1 }, { line: 23 }, { line: 12 }] },
      ],
      overlaps: [{ answers: { rule: { line: 23 } }, other: { rule: { line: 17 } } }],
      effects: [{ rule: { line: 12 }, action_class: 'code.read', effect: 'read', methods: ['DELETE'] }],
    });
  });

  it('ends 1 with the place of an error in each table', async () => {
    const files = ['broken.toml', 'flawed.toml', 'broken-too.toml'];
    const { code, out, err } = await mapping('check', ...files);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    const json = await mapping('check', ...files, '--json');
    expect({ code: json.code, err: json.err }).toEqual({ code: 1, err: '' });
    expect(JSON.parse(json.out)).toEqual({
      ok: false,
      errors: [
        {
          file: 'broken.toml',
          line: 3,
          column: 1,
          message: expect.stringMatching(/^`code\.raed` is no action/),
        },
        { file: 'broken-too.toml', line: 2, column: 1, message: expect.stringMatching(/^host `a\.example/) },
      ],
    });
    expect(err).toMatch(/^firma: broken\.toml:3:\d+: `code\.raed` is no action class.*`code\.read`/);
    expect(err).toMatch(/^firma: broken-too\.toml:2:\d+: host `a\.example\/x`/m);
  });

  it('ends 1 for two tables that contradict each other', async () => {
    const { code, out, err } = await mapping('check', 'tables', 'new.toml');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^firma: (new|tables\/old)\.toml:\d/);
  });

  it.each([
    ['a file that is not there', ['missing.toml'], /^firma: missing\.toml: does not exist/],
    ['a directory without tables', ['none'], /^firma: none: holds no `\*\.toml` file/],
  ])('ends 2 for %s', async (_what, files, expected) => {
    const { code, out, err } = await mapping('check', ...files);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(expected);
  });

  it('reads a table once that is named twice', async () => {
    expect((await mapping('check', 'tables', './tables/old.toml')).code).toBe(0);
  });
});

describe('firma mapping coverage', () => {
  it('counts what the tables of the configuration classify', async () => {
    const { code, out, err } = await mapping('coverage', '--operations', 'list.tsv');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^classified +2 +66\.66 %$/m);
    expect(out).toMatch(/^issue\.read +low +1 +33\.33 %$/m);
    expect(out).toMatch(/^critical +1 +33\.33 %$/m);
    expect(out).toMatch(/\nUNCLASSIFIED\nGET h\.example\/other\n$/);
  });

  it('prints the same as JSON, over all lists and tables that are named', async () => {
    const args = ['--mapping', 'new.toml', '--operations', 'list.tsv', '--operations', 'known.tsv', '--json'];
    const { code, out } = await mapping('coverage', ...args);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      total: 5,
      classified: 4,
      unclassified: ['GET h.example/other'],
      by_class: { 'code.read': 2, 'repo.admin': 2 },
      by_risk: { critical: 2, high: 0, medium: 0, low: 2 },
    });
  });

  it('ends 1 below --min, and says so', async () => {
    const { code, err } = await mapping('coverage', '--operations', 'list.tsv', '--min', '66.67', '--json');
    expect(code).toBe(1);
    expect(err).toContain('firma: 66.66 % of the operations are classified, less than 66.67 %');
    expect((await mapping('coverage', '--operations', 'list.tsv', '--min', '66.6')).code).toBe(0);
    expect((await mapping('coverage', '--operations', 'known.tsv', '--min', '100')).code).toBe(0);
  });

  it('ends 2 for lists that are none', async () => {
    const refused = async (expected: string, ...args: readonly string[]): Promise<void> => {
      const { code, out, err } = await mapping('coverage', ...args);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toContain(expected);
    };
    await Promise.all([
      refused("required option '--operations <file>' not specified"),
      refused('`missing.tsv` does not exist', '--operations', 'missing.tsv'),
      refused('`tables` is a directory; name a file', '--operations', 'tables'),
      refused('line.tsv:2: `path` does not start with `/`', '--operations', 'line.tsv'),
      refused('`--min` is a percentage from 0 to 100', '--operations', 'list.tsv', '--min', '101'),
    ]);
  });

  it('ends 2 for a list that is no text', async () => {
    const { code, err } = await firma(['mapping', 'coverage', '--operations', '-'], {
      ...project,
      input: Uint8Array.of(0xff, 0xfe, 0x00),
    });
    expect(code).toBe(2);
    expect(err).toContain('`-` is not UTF-8');
  });
});

describe('firma mapping diff', () => {
  it('lists what changes class, and ends 1 where something does', async () => {
    const { code, out, err } = await mapping('diff', 'tables', 'new.toml', '--operations', 'list.tsv');
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toBe(
      'GET h.example/items/{id}: issue.read -> code.read\n' +
        'operations: 3; in another class: 1; newly classified: 0; no longer classified: 0\n',
    );
  });

  it('prints the same as JSON, and ends 0 where nothing changes', async () => {
    const changed = await mapping('diff', 'new.toml', 'tables', '--operations', 'list.tsv', '--json');
    expect(JSON.parse(changed.out)).toEqual({
      total: 3,
      unchanged: 2,
      changed: [
        { method: 'GET', host: 'h.example', path: '/items/{id}', from: 'code.read', to: 'issue.read' },
      ],
    });
    expect((await mapping('diff', 'tables', 'tables/old.toml', '--operations', 'list.tsv')).code).toBe(0);
  });

  it('ends 2 for a table that does not load', async () => {
    const { code, err } = await mapping('diff', 'tables', 'broken.toml', '--operations', 'list.tsv');
    expect(code).toBe(2);
    expect(err).toContain('broken.toml:3:');
  });
});
