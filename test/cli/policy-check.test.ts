import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { openFixtures } from '../../src/cli/policy/fixture-files.ts';
import { makeDir, refusalOf, write } from '../config/place.ts';
import { type Around, firma, type Finished } from './firma.ts';

const CONFIG = `[sidecar.mapping]
rules_path = "rules.toml"
[sidecar.policy]
path = "own.cedar"
[authority]
issuance_path = "issue.cedar"
[[sidecar.budgets]]
name = "spend"
match = ["payment.*"]
max_calls = 5
`;
const RULES = `[[rules]]
method = "POST"
host = "pay.example"
path = "/pay"
action_class = "payment.transfer"
[rules.params]
recipient = "form:to"
`;
const PERMIT = `@id("pay") permit (principal, action, resource)
when { context.params has recipient && context.budget has spend };`;
const CASES = `[[cases]]
name = "a payment"
method = "POST"
url = "https://pay.example/pay"
params = { recipient = "alice" }
budget = { spend = 4 }
expect = { outcome = "ALLOW" }
`;
const OTHER_CONFIG = CONFIG.replace('rules.toml', 'rules/other.toml').replace('own.cedar', 'named/p.cedar');

let root: string;
let project: Around;

beforeEach(() => {
  root = makeDir({
    'firma.toml': CONFIG,
    'other.toml': OTHER_CONFIG,
    'rules.toml': RULES,
    'rules/other.toml': RULES.replace('recipient', 'account'),
    'own.cedar': PERMIT,
    'issue.cedar': '',
    'named/p.cedar': PERMIT,
    'cases/cases.toml': CASES,
  });
  project = { cwd: root, env: { FIRMA_STATE_DIR: join(root, 'state') } };
});

function policy(...args: readonly string[]): Promise<Finished> {
  return firma(['policy', ...args], project);
}

describe('a configuration that nobody trusts', () => {
  it('says which facts and budgets there are for policies and cases that are named', async () => {
    expect(await policy('check', 'named')).toEqual({
      code: 0,
      out: 'policies: 1 in 1 file; permits: 1; forbids: 0; declined: 0; warnings: 0\n',
      err: '',
    });
    const passed = 'cases: 1 in 1 file; passed: 1; failed: 0\n';
    expect(await policy('test', 'cases')).toEqual({ code: 0, out: `policies: 1 from .\n${passed}`, err: '' });
    expect(await policy('test', 'cases', '--policies', 'named')).toEqual({
      code: 0,
      out: `policies: 1 from named\n${passed}`,
      err: '',
    });
    expect(await policy('explain', 'cases/cases.toml')).toMatchObject({ code: 0, err: '' });
  });

  it('is the one that is named, else the nearest', async () => {
    const { code, err } = await policy('check', 'named', '--config', 'other.toml');
    expect(code).toBe(1);
    expect(err).toMatch(
      /^firma: named\/p\.cedar:2:16: .*`context\.params\.recipient` is no fact .*`account`, /,
    );
  });

  it('is refused with the place of its mistake', async () => {
    const cwd = makeDir({ 'firma.toml': `${CONFIG}[nonsense]\n`, 'p.cedar': PERMIT });
    const { code, out, err } = await firma(['policy', 'check', 'p.cedar'], { ...project, cwd });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/firma\.toml:11:\d+: `nonsense` is no known key/);
  });

  it.each(['check', 'test', 'explain', 'schema'])(
    'is enough where the help of `policy %s` says so',
    async (command) => {
      expect((await policy(command, '--help')).out).toMatch(/nothing (?:here )?needs\s+trust/i);
    },
  );

  it.each(['check', 'test'])(
    'is not the one in force: `policy %s` without a path asks for trust',
    async (command) => {
      const { code, out, err } = await policy(command);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toContain('firma.toml: is not trusted');
    },
  );
});

describe('firma policy check', () => {
  const starter = fileURLToPath(new URL('../../policies/starter', import.meta.url));

  it('has nothing to say against the policies that people start from', async () => {
    const { code, out } = await firma(['policy', 'check', starter, '--strict'], { ...project, cwd: starter });
    expect(out).toMatch(/declined: 0; warnings: 0$/m);
    expect(code).toBe(0);
  });

  it('names a host group that no table declares', async () => {
    write(
      join(root, 'named/p.cedar'),
      '@id("send") forbid (principal, action, resource) unless { resource in Firma::HostGroup::"modle" };',
    );
    write(join(root, 'rules.toml'), `${RULES}[[groups]]\nname = "model"\nhosts = ["pay.example"]\n`);
    const { code, out } = await policy('check', 'named', '--strict');
    expect(code).toBe(1);
    expect(out).toMatch(
      /^named\/p\.cedar:1: warning: forbid `send` names .*`modle`.*did you mean `model`\?$/m,
    );
  });

  it('lists every error of a file on its own line, and as the one document', async () => {
    write(
      join(root, 'named/p.cedar'),
      '@id("a") forbid (principal, action, resource) when { context.nope };\npermit (principal, action, resource);\n',
    );
    const { code, out, err } = await policy('check', 'named');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err.split('\n')).toEqual([
      expect.stringMatching(/^firma: named\/p\.cedar:1:54: .*`nope`/),
      expect.stringMatching(/^firma: named\/p\.cedar:2:1: a policy has no `@id/),
      '',
    ]);
    const json = await policy('check', 'named', '--json');
    expect({ code: json.code, err: json.err }).toEqual({ code: 1, err: '' });
    expect(JSON.parse(json.out)).toEqual({
      ok: false,
      errors: [
        {
          file: 'named/p.cedar',
          line: 1,
          column: 54,
          message: expect.stringMatching(/^for policy `a`, .*nope/),
        },
        { file: 'named/p.cedar', line: 2, column: 1, message: expect.stringMatching(/^a policy has no/) },
      ],
    });
  });

  it('checks issuance policies against their own schema', async () => {
    write(
      join(root, 'issue.cedar'),
      '@id("short") permit (principal, action, resource) when { context.ttl_s <= 60 };',
    );
    expect(await policy('check', 'issue.cedar', '--issuance')).toEqual({
      code: 0,
      out: 'issuance policies: 1 in 1 file; permits: 1; forbids: 0\n',
      err: '',
    });
    const { code, out } = await policy('check', 'named', '--issuance', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ ok: false, errors: [{ file: 'named/p.cedar', line: 2 }, {}] });
    expect((await policy('check', '--issuance')).err).toContain('firma.toml: is not trusted');
  });

  it('ends 2 for a path or a configuration that cannot be read', async () => {
    for (const args of [['missing'], ['named', '--config', 'missing.toml'], ['cases']]) {
      const { code, out, err } = await policy('check', ...args, '--json');
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toMatch(/^firma: .*(?:does not exist|holds no `\*\.cedar`)/);
    }
  });

  it('notes a policy that the compiled engine declines, which is no warning', async () => {
    // The least integer, whose sign stands apart: Cedar's JSON does not give it exactly.
    const least = `@id("fine") permit (principal, action, resource) when { true };
@id("least") permit (principal, action, resource)
when { context.session.calls > - // far below
  9223372036854775808 };`;
    const cwd = makeDir({ 'p.cedar': least });
    const around = { ...project, cwd };
    const reason = 'it holds an integer beyond 2^53';
    expect(await firma(['policy', 'check', 'p.cedar', '--strict'], around)).toEqual({
      code: 0,
      out:
        `p.cedar:2: note: \`least\` is left to the reference engine, which is slower: ${reason}\n` +
        'policies: 2 in 1 file; permits: 2; forbids: 0; declined: 1; warnings: 0\n',
      err: '',
    });
    const { out } = await firma(['policy', 'check', 'p.cedar', '--json'], around);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      declined: [{ id: 'least', file: 'p.cedar', line: 2, reason }],
      warnings: [],
    });
  });
});

describe('firma policy schema', () => {
  it('prints what a policy may read, without trust', async () => {
    const { code, out, err } = await policy('schema');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^namespace Firma \{\n/);
    expect(out).toContain('budget: { "spend"?: Long }');
    expect(out).toContain('"recipient"?: String');
    const json = await policy('schema', '--config', 'other.toml', '--json');
    expect(JSON.parse(json.out)).toEqual({
      schema: out
        .replace('"recipient"', '"account"')
        .replace(
          /params: .*/,
          'params: { "account"?: String, "amount"?: Long, "currency"?: String, "git_operation"?: String, "git_ref"?: String }',
        ),
    });
  });
});

describe('the policies of cases', () => {
  const layout = (): void => {
    write(join(root, 'p/allow.cedar'), '@id("allow") permit (principal, action, resource) when { true };');
    write(join(root, 'p/deny.cedar'), '@id("deny") forbid (principal, action, resource) when { true };');
    write(join(root, 'p/fixtures/all.toml'), CASES.replace('ALLOW', 'DENY'));
    write(join(root, 'p/fixtures/one.toml'), `policies = ["allow.cedar"]\n${CASES}`);
  };

  it.each([
    ['their directory', 'p'],
    ['the directory of the fixtures, above which they are', 'p/fixtures'],
  ])('are found from %s, and said', async (_what, path) => {
    layout();
    const args = ['test', path, '--junit', 'report.xml'];
    expect(await policy(...args)).toEqual({
      code: 0,
      out:
        'policies: 2 from p\npolicies: 1 from p (allow.cedar)\n' +
        'cases: 2 in 2 files; passed: 2; failed: 0\n',
      err: '',
    });
    expect(JSON.parse((await policy(...args, '--json')).out)).toMatchObject({
      policies: [
        { count: 2, from: 'p', files: null, cases: 1 },
        { count: 1, from: 'p', files: ['allow.cedar'], cases: 1 },
      ],
    });
    const report = readFileSync(join(root, 'report.xml'), 'utf8');
    expect(report).toContain('<property name="policies" value="2 from p"/>');
    expect(report).toContain('<property name="policies" value="1 from p (allow.cedar)"/>');
  });

  it('are those of the file that is explained', async () => {
    layout();
    const { out } = await policy('explain', 'p/fixtures/one.toml');
    expect(out).toMatch(/^policies {5}1 from p \(allow\.cedar\)$/m);
    expect(out).toMatch(/^outcome {6}ALLOW OK by `allow`$/m);
  });

  it('are refused with the place where a fixture names a file that is not there', async () => {
    layout();
    write(join(root, 'p/fixtures/one.toml'), `policies = ["alow.cedar"]\n${CASES}`);
    const { code, err } = await policy('test', 'p');
    expect(code).toBe(2);
    expect(err).toBe(
      'firma: p/fixtures/one.toml:1:1: `policies` names `alow.cedar`, which is no file of `p`; ' +
        'did you mean `allow.cedar`?\n',
    );
  });

  it('are the shipped ones where there are no others', async () => {
    const cwd = makeDir({
      'a/cases.toml': CASES.replace(/^(?:params|budget).*\n/gm, '').replace('ALLOW', 'DENY'),
    });
    const { code, out } = await firma(['policy', 'test', 'a'], { ...project, cwd });
    expect(code).toBe(0);
    expect(out).toMatch(/^policies: \d+ from builtin:$/m);
  });
});

describe('a fixture file', () => {
  it.each([
    ['is empty', '', /cases\.toml: `cases` must be a list of tables/],
    ['is huge', '#'.repeat(2 * 1024 * 1024 + 1), /cases\.toml: is longer than 2097152 bytes/],
    [
      'holds another type',
      CASES.replace('"POST"', '5'),
      /cases\.toml:3:1: `cases\[0\]\.method` must be a string/,
    ],
  ])('is refused with its place where it %s', async (_what, text, expected) => {
    const file = join(root, 'cases/cases.toml');
    write(file, text);
    const { code, message } = await refusalOf(openFixtures(file, { config: join(root, 'firma.toml') }));
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toMatch(expected);
  });
});
