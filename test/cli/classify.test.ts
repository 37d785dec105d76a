import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeLastingDir } from '../config/place.ts';
import { type Around, firma } from './firma.ts';

const CONFIG = `[sidecar.mapping]
rules_path = "rules.toml"
[sidecar.policy]
path = "none.cedar"
[authority]
issuance_path = "none.cedar"
`;

const RULES = `[[rules]]
method = "POST"
host = "pay.example"
path = "/v1/transfers/*"
action_class = "payment.transfer"
[rules.params]
amount = "form:amount"

[[rules]]
method = "POST"
host = "github.com"
path = "/*/*/git-receive-pack"
action_class = "code.read"
refine = "git-receive-pack"
[rules.refine_map]
create = "code.write"
update = "code.write"
delete = "code.destructive"

[[rules]]
method = "GET"
host = "pay.example"
path = "/v1/**"
action_class = "payment.read"

[[rules]]
host = "*.example"
action_class = "payment.tax"

[[rules]]
method = "POST"
host = "graph.test"
path = "/"
action_class = "issue.read"
refine = "graphql"
[rules.refine_map]
createIssue = "issue.write"
mergePullRequest = "code.merge"
`;

const FORM = ['--content-type', 'application/x-www-form-urlencoded', '--body', '-'];

let project: Around & { readonly cwd: string };
let remove: () => void;

beforeAll(async () => {
  const place = makeLastingDir({ 'firma.toml': CONFIG, 'rules.toml': RULES, 'none.cedar': '' });
  remove = place.remove;
  project = { cwd: place.root, env: { FIRMA_STATE_DIR: join(place.root, 'state') } };
  await firma(['trust'], project);
});

afterAll(() => remove());

describe('firma classify', () => {
  it('says what a call is, by which rule, and which facts it carries', async () => {
    const { code, out } = await firma(
      ['classify', 'POST', 'https://PAY.example/v1//transfers/t%31/?x=1', ...FORM, '--json'],
      { ...project, input: 'amount=500&note=x' },
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      ok: true,
      canonical: { scheme: 'https', host: 'pay.example', port: 443, path: '/v1/transfers/t1/' },
      action_class: 'payment.transfer',
      risk: 'critical',
      rule: { file: 'rules.toml', line: 1 },
      resource: 'pay.example/v1/transfers/t1',
      provider: null,
      params: { amount: 500 },
      readings: [
        {
          action_class: 'payment.transfer',
          risk: 'critical',
          method: 'POST',
          resource: 'pay.example/v1/transfers/t1',
          rule: { file: 'rules.toml', line: 1 },
          params: { amount: 500 },
        },
      ],
      runners_up: [
        {
          rule: { file: 'rules.toml', line: 26 },
          pattern: '* *.example *',
          action_class: 'payment.tax',
          why: 'host: the exact `pay.example` before `*.example`',
        },
      ],
      reason: null,
      detail: null,
    });
  });

  it('prints the same for a person', async () => {
    const { code, out } = await firma(['classify', 'GET', 'https://pay.example/v1/balance'], project);
    expect(code).toBe(0);
    expect(out).toBe(
      [
        'payment.read (low)',
        '  request    GET pay.example/v1/balance',
        '  rule       rules.toml:20',
        'canonical    https://pay.example/v1/balance',
        'runners-up',
        '  rules.toml:26  payment.tax  * *.example *  host: the exact `pay.example` before `*.example`',
        '',
      ].join('\n'),
    );
  });

  it('says for a person why a call is refused, and what was understood of it', async () => {
    const { code, out } = await firma(['classify', 'GET', 'https://pay.test:8443/a//b'], project);
    expect(code).toBe(1);
    expect(out).toMatch(
      /^UNCLASSIFIED_ACTION: no rule names the host `pay\.test` on port 8443\ncanonical {4}https:\/\/pay\.test:8443\/a\/b\n$/,
    );
  });

  it('takes the tables it is given, and headers as loose servers read them', async () => {
    const { code, out } = await firma(
      [
        ...['classify', 'GET', 'https://api.github.com/repos/o/r', '--mapping', 'builtin:'],
        ...['--header', 'X_HTTP_Method_Override: DELETE', '--json'],
      ],
      project,
    );
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ action_class: 'repo.admin', readings: [{}, {}] });
  });

  it('takes the URL as it is typed: nothing resolves it before the normalizer does', async () => {
    const { code, out } = await firma(
      ['classify', 'GET', 'https://pay.example/v1/../../x', '--json'],
      project,
    );
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ ok: false, reason: 'MALFORMED_REQUEST' });
  });

  it.each([
    ['an unmapped host', ['GET', 'https://example/v2'], 'UNCLASSIFIED_ACTION'],
    ['no host', ['GET', 'pay.example/v1/x'], 'MALFORMED_REQUEST'],
    ['user info', ['GET', 'https://u:p@pay.example/v1/x'], 'MALFORMED_REQUEST'],
    [
      'another Host',
      ['GET', 'https://pay.example/v1/x', '--header', 'Host: other.example'],
      'MALFORMED_REQUEST',
    ],
    [
      'two content types',
      ['POST', 'https://pay.example/v1/transfers/a', ...FORM, '--header', 'content-type: text/plain'],
      'PARAMS_UNREADABLE',
    ],
  ])('ends 1 for %s', async (_what, args, reason) => {
    const { code, out, err } = await firma(['classify', ...args, '--json'], {
      ...project,
      input: 'amount=1',
    });
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ ok: false, reason });
    expect(err).toBe('');
  });

  it('does not take the beginning of a body for the whole of it', async () => {
    const args = ['classify', 'POST', 'https://pay.example/v1/transfers/a', ...FORM, '--json'];
    const { code, out } = await firma(args, {
      ...project,
      input: `amount=1&pad=${'x'.repeat(70_000)}&amount=2`,
    });
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ ok: false, reason: 'PARAMS_UNREADABLE' });
  });

  it('decodes a body whose coding a header names', async () => {
    const args = [
      'POST',
      'https://pay.example/v1/transfers/a',
      ...FORM,
      '--header',
      'Content-Encoding: gzip',
    ];
    const { code, out } = await firma(['classify', ...args, '--json'], {
      ...project,
      input: gzipSync('amount=12'),
    });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ params: { amount: 12 } });
  });

  it('reads a push: its head, of however much, and each ref by itself', async () => {
    const zeros = '0'.repeat(40);
    const ones = '1'.repeat(40);
    const commands = [
      `${ones} ${'2'.repeat(40)} refs/heads/main\0report-status`,
      `${ones} ${zeros} refs/heads/old`,
    ].map((line) => `${(line.length + 4).toString(16).padStart(4, '0')}${line}`);
    const body = Buffer.concat([
      Buffer.from(`${commands.join('')}0000PACK`, 'latin1'),
      Buffer.alloc(70_000, 0xff),
    ]);
    const place = ['POST', 'https://github.com/octocat/hello/git-receive-pack'];
    const type = ['--content-type', 'application/x-git-receive-pack-request'];
    const { code, out } = await firma(['classify', ...place, ...type, '--body', '-', '--json'], {
      ...project,
      input: body,
    });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      readings: [
        {
          action_class: 'code.write',
          operation: 'update',
          params: { git_operation: 'update', git_ref: 'refs/heads/main' },
        },
        {
          action_class: 'code.destructive',
          operation: 'delete',
          params: { git_operation: 'delete', git_ref: 'refs/heads/old' },
        },
      ],
    });
  });

  it('names each operation that a body asks for, and none where that is not known', async () => {
    const asked = async (query: string, ...more: readonly string[]): Promise<string> => {
      const args = ['--content-type', 'application/json', '--body', '-', ...more];
      const input = JSON.stringify({ query });
      return (await firma(['classify', 'POST', 'https://graph.test/', ...args], { ...project, input })).out;
    };
    const mutation = 'mutation { a: createIssue(input: {}) { id } ...hidden }';
    expect(JSON.parse(await asked(mutation, '--json')).readings).toEqual([
      expect.not.objectContaining({ operation: expect.anything() }),
      expect.objectContaining({ action_class: 'issue.write', operation: 'createIssue' }),
      expect.objectContaining({ action_class: 'issue.read' }),
    ]);
    expect(await asked('mutation { unheardOf }')).toMatch(
      /^code\.merge .*\n.*\n.*\n {2}operation {2}unheardOf$/m,
    );
  });

  it.each([
    ['a body that is not there', ['--body', 'missing.txt'], '`missing.txt` does not exist'],
    ['a header without a colon', ['--header', 'nonsense'], 'a header is written `name: value`'],
  ])('ends 2 for %s', async (_what, args, expected) => {
    const { code, err } = await firma(['classify', 'GET', 'https://pay.example/v1/x', ...args], project);
    expect(code).toBe(2);
    expect(err).toContain(expected);
  });

  it('names file, line and column of a table that does not load', async () => {
    const place = makeLastingDir({
      'firma.toml': CONFIG,
      'none.cedar': '',
      'rules.toml': '[[rules]]\nhost = "a.example"\naction_class = "payment.transfr"\n',
    });
    try {
      const around = { cwd: place.root, env: { FIRMA_STATE_DIR: join(place.root, 'state') } };
      const { code, out, err } = await firma(['trust'], around);
      expect(code).toBe(2);
      expect(out).toBe('');
      expect(err).toMatch(/^firma: rules\.toml:3:\d+: .*payment\.transfer/);
    } finally {
      place.remove();
    }
  });

  it('needs no state directory where there is no configuration, and makes none', async () => {
    const place = makeLastingDir({});
    try {
      writeFileSync(join(place.root, 'not-a-directory'), '');
      const around = { cwd: place.root, env: { FIRMA_STATE_DIR: join(place.root, 'not-a-directory/state') } };
      const { code } = await firma(
        ['classify', 'GET', 'https://api.github.com/repos/octocat/hello-world'],
        around,
      );
      expect(code).toBe(0);
    } finally {
      place.remove();
    }
  });
});
