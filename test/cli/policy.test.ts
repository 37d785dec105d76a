import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeDir, makeLastingDir, refusalOf } from '../config/place.ts';
import { openFixtures, type OpenFixtures } from '../../src/cli/policy/fixture-files.ts';
import { type Around, firma, type Finished } from './firma.ts';

const CONFIG = `[sidecar.mapping]
rules_path = "rules.toml"
[sidecar.policy]
path = "own.cedar"
[authority]
issuance_path = "issuance/issue.cedar"
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
amount = "form:amount"
recipient = "form:to"

[[rules]]
method = "POST"
host = "code.example"
path = "/x"
action_class = "code.write"

[[rules]]
method = "DELETE"
host = "code.example"
path = "/x"
action_class = "code.destructive"

[[groups]]
name = "shop"
hosts = ["pay.example"]
`;
const POLICIES = `// \`recipient\` and \`spend\` are the configuration's.
@id("pay")
permit (principal in Firma::AgentGroup::"ops", action == Firma::Action::"payment.transfer", resource)
when { context.params has amount && context.params.amount * 2048 <= 10240000 &&
  context.params has recipient && context.budget has spend };

@id("write")
permit (principal, action == Firma::Action::"code.write", resource);

@id("no-write")
forbid (principal, action in Firma::Action::"code", resource in Firma::HostGroup::"shop");

@id("runaway")
@outcome("abort")
@reason("the session was refused too often")
forbid (principal, action, resource) when { context.session.denies > 9 };
`;
const CASES = `[[cases]]
name = "a small payment"
principal = { id = "agent-7", groups = ["ops"] }
method = "POST"
url = "https://pay.example/pay"
content_type = "application/x-www-form-urlencoded"
body = "amount=5000&to=alice"
budget = { spend = 4 }
expect = { outcome = "ALLOW", reason = "OK", policies = ["pay"] }

[[cases]]
name = "a payment of unknown amount"
principal = { groups = ["ops"] }
method = "POST"
url = "https://pay.example/pay"
params = { recipient = "alice" }
budget = { spend = 4 }
expect = { outcome = "DENY", reason = "POLICY_NO_PERMIT", policies = [] }

[[cases]]
name = "an amount no limit can be computed for"
principal = { groups = ["ops"] }
action = "payment.transfer"
resource = { host = "pay.example", path = "/pay" }
params = { amount = 9007199254740991 }
expect = { outcome = "DENY", reason = "POLICY_ERROR", policies = ["pay"] }

[[cases]]
name = "code"
method = "POST"
url = "https://code.example/x"
expect = { outcome = "ALLOW" }

[[cases]]
name = "code that can be read as its removal"
method = "POST"
url = "https://code.example/x"
headers = { X-HTTP-Method-Override = "DELETE" }
expect = { outcome = "DENY", reason = "POLICY_NO_PERMIT" }

[[cases]]
name = "a runaway"
method = "POST"
url = "https://code.example/x"
session = { denies = 10 }
expect = { outcome = "ABORT", reason = "POLICY_ABORT", policies = ["runaway"] }

[[cases]]
name = "a host without a rule"
method = "GET"
url = "https://elsewhere.example/"
expect = { outcome = "DENY", reason = "UNCLASSIFIED_ACTION" }
`;
const HOSTILE = '<a href="x">&amp;\u0000\u001b[31m\n]]>';

let project: Around;
let root: string;
let remove: () => void;

beforeAll(async () => {
  const place = makeLastingDir({
    'firma.toml': CONFIG,
    'rules.toml': RULES,
    'own.cedar': POLICIES,
    'issuance/issue.cedar': '@id("issue") permit (principal, action, resource);',
    'cases.toml': CASES,
    'fails/cases.json': JSON.stringify({
      cases: [
        {
          name: HOSTILE,
          method: 'POST',
          url: 'https://code.example/x',
          expect: { outcome: 'DENY', policies: ['"<x>"'] },
        },
        { name: 'ok', method: 'POST', url: 'https://code.example/x', expect: { outcome: 'ALLOW' } },
      ],
    }),
    'strict/p.cedar': '@id("none") forbid (principal, action, resource) when { context.session.calls > 0 };',
    'strict/one.toml': CASES.slice(CASES.indexOf('[[cases]]\nname = "code"\n')).split('\n\n')[0] ?? '',
    'dead/p.cedar':
      '@id("a") permit (principal, action, resource);\n@id("b") forbid (principal, action, resource);',
    'broken/1.cedar': '@id("a") permit (principal, action, resource) when { context.nope };',
    'broken/2.cedar': '\npermit (principal, action, resource);',
    'broken/3.cedar': '@id("c") permit (principal, action == Firma::Action::"code", resource);',
    'twice/1.cedar': '@id("a") permit (principal, action, resource);',
    'twice/2.cedar': '@id("a") forbid (principal, action, resource);',
    'bad/key.toml': CASES.replace('url =', 'ulr ='),
    'bad/call.toml': CASES.replace('X-HTTP-Method-Override', '"X HTTP"'),
  });
  ({ remove, root } = place);
  mkdirSync(join(root, 'none'));
  project = { cwd: root, env: { FIRMA_STATE_DIR: join(root, 'state') } };
  const { code, err } = await firma(['trust'], project);
  expect({ code, err }).toEqual({ code: 0, err: '' });
});

afterAll(() => remove());

function policy(...args: readonly string[]): Promise<Finished> {
  return firma(['policy', ...args], project);
}

function open(path: string, policies?: string): Promise<OpenFixtures> {
  return openFixtures(join(root, path), {
    config: join(root, 'firma.toml'),
    stateDir: join(root, 'state'),
    ...(policies === undefined ? {} : { policies: join(root, policies) }),
  });
}

describe('firma policy check', () => {
  it('checks the policies of the configuration against its facts and budgets, and warns', async () => {
    const { code, out, err } = await policy('check');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('own.cedar:2: warning: permit `pay` computes with facts of the call (`*`)');
    expect(out).toContain('own.cedar:7: warning: permit `write` has no condition');
    expect(out).toMatch(/^policies: 4 in 1 file; permits: 2; forbids: 2; declined: 0; warnings: 2$/m);
  });

  it('fails for a warning with --strict alone', async () => {
    const { code, out } = await policy('check', 'dead', '--strict', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      files: 1,
      policies: 2,
      permits: 1,
      forbids: 1,
      declined: [],
      warnings: [
        { kind: 'unconditional', id: 'a', file: 'dead/p.cedar', line: 1 },
        { kind: 'overruled', id: 'a', message: expect.stringContaining('forbid `b` at dead/p.cedar:2') },
      ],
    });
  });

  it('ends 1 with the place of an error in each file', async () => {
    const { code, out, err } = await policy('check', 'broken');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^firma: broken\/1\.cedar:1:\d+: .*nope/m);
    expect(err).toMatch(/^firma: broken\/2\.cedar:2:\d+: a policy has no `@id/m);
    expect(err).toMatch(/^firma: broken\/3\.cedar:1:\d+: .*unable to find an applicable action/m);
  });

  it('ends 1 for what only several files together get wrong', async () => {
    const { code, out, err } = await policy('check', 'twice');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^firma: twice\/2\.cedar:1:1: policy id `a` is used already at twice\/1/);
  });
});

describe('firma policy test', () => {
  it('runs what stands beside the policies of the configuration, whose own files are passed over', async () => {
    const { code, out, err } = await policy('test');
    expect({ code, out, err }).toEqual({
      code: 0,
      out: 'policies: 4 from .\ncases: 7 in 1 file; passed: 7; failed: 0\n',
      err: '',
    });
  });

  it('shows a case in its help that is true of the policies people start with', async () => {
    const { out } = await policy('test', '--help');
    const shown = /A case of a fixture file:\n([^]*?)\n\n/.exec(out)?.[1] ?? '';
    const apart = makeDir({ 'case.toml': shown });
    const around = { cwd: apart, env: { FIRMA_STATE_DIR: join(apart, 'state') } };
    const { code, out: tested, err } = await firma(['policy', 'test', 'case.toml'], around);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(tested).toMatch(/^policies: \d+ from builtin:\ncases: 1 in 1 file; passed: 1; failed: 0\n$/);
  });

  it('prints what was expected and what came, and ends 1', async () => {
    const { code, out, err } = await policy('test', 'fails', '--policies', 'own.cedar');
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toBe(
      'fails/cases.json: failed: <a href="x">&amp;\\x00\\x1b[31m\\x0a]]>\n' +
        '  expected  DENY by `"<x>"`\n' +
        '  came      ALLOW OK by `write`\n' +
        'policies: 4 from own.cedar\ncases: 2 in 1 file; passed: 1; failed: 1\n',
    );
  });

  it('prints the same as JSON, and writes a JUnit report in which nothing of a name is markup', async () => {
    const { code, out } = await policy('test', 'fails', '--json', '--junit', 'report.xml');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      files: 1,
      cases: 2,
      passed: 1,
      failed: 1,
      results: [
        {
          file: 'fails/cases.json',
          line: null,
          name: HOSTILE,
          ok: false,
          expected: { outcome: 'DENY', reason: null, policies: ['"<x>"'] },
          came: { outcome: 'ALLOW', reason: 'OK', policies: ['write'], detail: null },
        },
        { name: 'ok', ok: true },
      ],
    });
    const name = '&lt;a href=&quot;x&quot;&gt;&amp;amp;\ufffd\ufffd[31m&#10;]]&gt;';
    const message = 'expected DENY by `&quot;&lt;x&gt;&quot;`, came ALLOW OK by `write`';
    expect(readFileSync(join(root, 'report.xml'), 'utf8')).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="firma policy test" tests="2" failures="1">
  <testsuite name="fails/cases.json" tests="2" failures="1">
    <properties>
      <property name="policies" value="4 from ."/>
    </properties>
    <testcase classname="fails/cases.json" name="${name}">
      <failure message="${message}">fails/cases.json</failure>
    </testcase>
    <testcase classname="fails/cases.json" name="ok"/>
  </testsuite>
</testsuites>
`);
  });

  it('tests the policies beside the fixtures, unless others are named', async () => {
    const { code, out } = await policy('test', 'strict');
    expect(code).toBe(1);
    expect(out).toContain(
      'strict/one.toml:1: failed: code\n  expected  ALLOW\n  came      DENY POLICY_FORBID by `none`',
    );
    const named = await open('strict/one.toml', 'own.cedar');
    expect(named.suites[0]?.bundle.policies.map(({ id }) => id)).toContain('write');
  });

  it.each([
    ['an unknown key', 'bad/key.toml', /key\.toml:5:1: `cases\[0\]\.ulr` is no known key; .*`url`/],
    ['a call nobody can send', 'bad/call.toml', /call\.toml:\d+: case `code that.*no header name/],
    ['a directory without fixtures', 'none', /none: holds no fixtures/],
    ['a path that is not there', 'missing', /missing: does not exist/],
  ])('refuses %s', async (_what, path, expected) => {
    const { code, message } = await refusalOf(open(path));
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toMatch(expected);
  });

  it('ends 2 for a report that cannot be written', async () => {
    const { code, out, err } = await policy('test', 'fails', '--junit', 'none');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^firma: `none` cannot be written \(EISDIR\)/);
  });
});

describe('firma policy explain', () => {
  it('says of each policy whether it applied to a case, and why', async () => {
    const { code, out, err } = await policy('explain', 'cases.toml', '--case', 'a small payment');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(`case         a small payment (cases.toml:1)
policies     4 from .
principal    agent-7 in ops
reading 1 of 1: payment.transfer
  request    POST pay.example/pay
  groups     shop
  params     amount=5000 recipient=alice
  permit  pay       own.cedar:2   applies: it permits
      budget.spend = 4
      params.amount = 5000
      params.recipient = alice
  forbid  runaway   own.cedar:13  does not apply: clause 1 (own.cedar:16) is false: \`when { context.session.denies > 9 }\`
      session.denies = 0
  forbid  no-write  own.cedar:10  does not apply: its scope asks for another action
  permit  write     own.cedar:7   does not apply: its scope asks for another action
outcome      ALLOW OK by \`pay\`
`);
  });

  it('shows every reading of a call', async () => {
    const args = ['cases.toml', '--case', 'code that can be read as its removal', '--json'];
    const { code, out } = await policy('explain', ...args);
    expect(code).toBe(0);
    const explained = JSON.parse(out);
    expect(explained).toMatchObject({ outcome: 'DENY', reason: 'POLICY_NO_PERMIT', as_expected: true });
    const [write, removal] = explained.readings;
    expect([removal.action_class, write.action_class]).toEqual(['code.destructive', 'code.write']);
    expect(removal.policies[3]).toMatchObject({
      id: 'write',
      outcome: 'out-of-scope',
      unmatched: ['action'],
    });
    expect(write.policies[3]).toMatchObject({ id: 'write', outcome: 'satisfied', unmatched: [], facts: {} });
    expect(write.policies[2]).toMatchObject({
      id: 'runaway',
      clause: { kind: 'when', number: 1, line: 16 },
      facts: { 'session.denies': 0 },
    });
    expect(write.policies[0]).toMatchObject({ id: 'no-write', unmatched: ['resource'] });
  });

  it('says why a policy errs', async () => {
    const erring = await policy('explain', 'cases.toml', '--case', 'an amount no limit can be computed for');
    expect(erring.out).toMatch(
      /^ {2}permit {2}pay .* errs, which denies: integer overflow.* in clause 1 \(own\.cedar:4\): `when \{ /m,
    );
  });

  it('takes the only case of a file, and says where another came than is expected', async () => {
    const { code, out } = await policy('explain', 'strict/one.toml');
    expect(code).toBe(0);
    expect(out).toMatch(/outcome {6}DENY POLICY_FORBID by `none`\nexpected {5}ALLOW\n$/);
  });

  it.each([
    ['several cases', ['cases.toml'], 'name one case of `cases.toml` with `--case`: `a small payment`, '],
    ['a case there is not', ['cases.toml', '--case', 'a smal payment'], 'did you mean `a small payment`?'],
  ])('ends 2 for %s', async (_what, args, expected) => {
    const { code, out, err } = await policy('explain', ...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(expected);
  });
});
