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
    const passed = { code: 0, out: 'cases: 1 in 1 file; passed: 1; failed: 0\n', err: '' };
    expect(await policy('test', 'cases')).toEqual(passed);
    expect(await policy('test', 'cases', '--policies', 'named')).toEqual(passed);
    expect(await policy('explain', 'cases/cases.toml')).toMatchObject({ code: 0, err: '' });
  });

  it('is the one that is named, else the nearest', async () => {
    const { code, err } = await policy('check', 'named', '--config', 'other.toml');
    expect(code).toBe(2);
    // Nothing declares `recipient` there, so the policy can never hold.
    expect(err).toMatch(/^firma: named\/p\.cedar:1:1: .*`pay`.*impossible/);
  });

  it('is refused with the place of its mistake', async () => {
    const cwd = makeDir({ 'firma.toml': `${CONFIG}[nonsense]\n`, 'p.cedar': PERMIT });
    const { code, out, err } = await firma(['policy', 'check', 'p.cedar'], { ...project, cwd });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/firma\.toml:11:\d+: `nonsense` is no known key/);
  });

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
