import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigInvalid } from '../../native-free-core/errors.ts';
import { loadBundle } from '../../native-free-core/policy/bundle.ts';
import { explainPolicies } from '../../native-free-core/policy/explain-policies.ts';
import { isExpected } from '../../native-free-core/policy/fixture-answer.ts';
import { type FixtureCase, parseFixtures } from '../../native-free-core/policy/fixtures.ts';
import { CONTEXT, INPUTS, query } from './query.ts';

const bundle = loadBundle(
  [
    {
      file: 'x.cedar',
      text: `
@id("pay") permit (principal in Firma::AgentGroup::"ops", action == Firma::Action::"payment.transfer", resource)
  when { context.params has amount && context.params.amount <= 5000 };
@id("busy") forbid (principal, action, resource) when { context.session.calls * 2305843009213693952 > 0 };
@id("stop") @outcome("abort") forbid (principal, action, resource) when { context.session.denies > 9 };`,
    },
  ],
  INPUTS,
);

function parse(text: string): readonly FixtureCase[] {
  return parseFixtures({ file: 'x.toml', text }, bundle);
}

const MINIMAL = `[[cases]]
name = "one"
action = "code.read"
resource = { host = "h.example" }
expect = { outcome = "DENY" }
`;

function refusal(text: string, file = 'x.toml'): string {
  try {
    parseFixtures({ file, text }, bundle);
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.message;
    throw error;
  }
  return 'not refused';
}

describe('fixtures', () => {
  it('read a request and all that is known around it', () => {
    const [one] = parse(`[[cases]]
name = "one"
principal = { id = "agent-7", groups = ["ops"] }
method = "POST"
url = "https://h.example/x"
headers = { x-a = "b" }
content_type = "text/plain"
body = "amount=5"
session = { calls = 4, denies = 1, age_s = 9, classes = ["code.read"], hosts = ["h"], injected = ["k"], last_class = "code.read" }
capability = { actions = ["code.read"], scope = ["h.example"], age_s = 1, ttl_s = 2 }
budget = { spend = 3 }
now = 2025-01-01T14:30:00+01:00
[cases.expect]
outcome = "DENY"
reason = "POLICY_FORBID"
policies = ["b", "a"]
`);
    expect(one).toEqual({
      file: 'x.toml',
      line: 1,
      name: 'one',
      principal: { id: 'agent-7', groups: ['ops'] },
      call: {
        method: 'POST',
        url: 'https://h.example/x',
        headers: { 'x-a': 'b', 'content-type': 'text/plain' },
        body: 'amount=5',
      },
      params: undefined,
      context: {
        session: {
          id: expect.any(String),
          ageS: 9,
          calls: 4,
          denies: 1,
          classes: ['code.read'],
          tools: [],
          hosts: ['h'],
          injected: ['k'],
          lastClass: 'code.read',
        },
        budget: { spend: 3 },
        nowMs: CONTEXT.nowMs,
        capability: { actions: ['code.read'], scope: ['h.example'], ageS: 1, ttlS: 2 },
      },
      expected: { outcome: 'DENY', reason: 'POLICY_FORBID', policies: ['a', 'b'] },
    });
  });

  it('fill in the first call of a session, at one instant for all', () => {
    const [one] = parse(MINIMAL);
    expect(one?.call).toMatchObject({
      resource: { uid: 'h.example/', port: 443, path: '/', method: 'GET', hostGroups: undefined },
    });
    expect(one?.context.session).toMatchObject({ calls: 1, denies: 0, classes: [], lastClass: '' });
    expect(new Date(one?.context.nowMs ?? 0).toISOString()).toBe('2025-01-01T12:00:00.000Z');
    expect(one?.context.capability.actions).toHaveLength(44);
  });

  it('mean the same in JSON, whose lines are not known', () => {
    const [one] = parse(MINIMAL);
    const json = {
      cases: [
        { name: 'one', action: 'code.read', resource: { host: 'h.example' }, expect: { outcome: 'DENY' } },
      ],
    };
    const [other] = parseFixtures({ file: 'x.json', text: JSON.stringify(json) }, bundle);
    expect(other).toEqual({ ...one, file: 'x.json', line: undefined });
  });

  it.each([
    ['no TOML', 'cases = [', /^x\.toml:\d+:\d+: not valid TOML/],
    ['no cases', '', /^x\.toml: `cases` must be a list of tables/],
    ['an empty list of cases', 'cases = []', /^x\.toml:1:1: `cases` must be a list of tables/],
    ['cases that are no list', 'cases = "x"', /^x\.toml:1:1: `cases` must be a list of tables/],
    [
      'more cases than a run takes',
      `cases = [${'0,'.repeat(10_001)}]`,
      /^x\.toml:1:1: `cases` holds more than/,
    ],
    ['lists in lists without end', `cases = ${'['.repeat(100_000)}`, /^x\.toml:1:\d+: not valid TOML/],
    [
      'a name of another type',
      MINIMAL.replace('"one"', '5'),
      /^x\.toml:2:1: .*name` must be a string of at most/,
    ],
    [
      'a name too long',
      MINIMAL.replace('one', 'n'.repeat(201)),
      /^x\.toml:2:1: .*name` must be a string of at most 200/,
    ],
    [
      'an unknown expectation',
      MINIMAL.replace('"DENY"', '"DENY", why = "x"'),
      /^x\.toml:5:\d+: .*expect\.why` is no known key/,
    ],
    [
      'another table',
      '[sidecar]\nid = "x"',
      /^x\.toml:1:1: `sidecar` is no known key; known here: `policies`, `cases`/,
    ],
    [
      'an unknown key',
      MINIMAL.replace('name', 'nam'),
      /^x\.toml:2:1: `cases\[0\]\.nam` is no known key; .*`name`/,
    ],
    ['no name', MINIMAL.replace('"one"', '""'), /:2:1: `cases\[0\]\.name` is missing or empty/],
    ['one name twice', MINIMAL + MINIMAL, /^x\.toml:7:1: .*name` is `one`, as of another case \(x\.toml:1\)/],
    [
      'neither url nor action',
      MINIMAL.replace(/action.*\n/, ''),
      /:1:1: .*url` is missing; or give `action`/,
    ],
    ['no class', MINIMAL.replace('code.read', 'code.raed'), /:3:1: .*`code\.raed`, which is no action class/],
    [
      'url beside action',
      `${MINIMAL}url = "https://h.example/"`,
      /:3:1: .*action` cannot stand beside `url`/,
    ],
    ['body beside action', `${MINIMAL}body = "x"`, /:6:1: .*body` cannot stand beside `action`/],
    ['no resource', MINIMAL.replace(/resource.*\n/, ''), /resource` is missing; it needs a `host`/],
    ['a relative path', MINIMAL.replace('e" }', 'e", path = "x" }'), /resource\.path` must start with/],
    ['a port too high', MINIMAL.replace('e" }', 'e", port = 65536 }'), /a whole number from 0 to 65535/],
    ['no outcome', MINIMAL.replace(/outcome.*"/, 'reason = "OK"'), /expect` needs an `outcome`: ALLOW, DENY/],
    [
      'a wrong outcome',
      MINIMAL.replace('"DENY"', '"deny"'),
      /outcome` must be one of `ALLOW`, `DENY`, `ABORT`/,
    ],
    [
      'a reason nothing has',
      MINIMAL.replace('"DENY"', '"DENY", reason = "NO"'),
      /reason` must be one of `OK`/,
    ],
    ['a fact nobody declares', `${MINIMAL}params = { amuont = 1 }`, /:6:12: .*no fact.*`amount`/],
    ['a fact of another type', `${MINIMAL}params = { amount = "1" }`, /amount` must be a whole number/],
    ['a broken number', `${MINIMAL}params = { amount = 1.5 }`, /amount` must be a whole number/],
    [
      'a budget there is not',
      `${MINIMAL}budget = { sepnd = 1 }`,
      /no budget of the configuration; it has `spend`/,
    ],
    ['a negative remainder', `${MINIMAL}budget = { spend = -1 }`, /spend` must be a whole number from 0/],
    [
      'a session class',
      `${MINIMAL}session = { classes = ["x"] }`,
      /session\.classes` names `x`, which is no/,
    ],
    ['a session word', `${MINIMAL}session = 5`, /`cases\[0\]\.session` is not a table/],
    ['a date', `${MINIMAL}now = 2025-01-01`, /now` must be an instant .* offset/],
    ['a time without offset', `${MINIMAL}now = 2025-01-01T13:30:00`, /now` must be an instant/],
    ['words for an instant', `${MINIMAL}now = "yesterday"`, /now` must be an instant/],
    [
      'groups that are no list',
      `${MINIMAL}principal = { groups = "ops" }`,
      /groups` must be a list of at most/,
    ],
  ])('refuse %s, with its place', (_what, text, expected) => {
    expect(refusal(text)).toMatch(expected);
  });

  it.each([
    ['no JSON', '{', /^x\.json: not valid JSON$/],
    ['an empty file', '', /^x\.json: not valid JSON$/],
    ['nothing', 'null', /^x\.json: the file is not a table/],
    [
      'lists in lists without end',
      `{"cases": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      /`cases\[0\]` is not a table/,
    ],
    ['a list', '[]', /^x\.json: the file is not a table/],
    ['a case that is none', '{"cases": [5]}', /^x\.json: `cases\[0\]` is not a table/],
    [
      'a key written twice',
      '{"cases": [{"name": "a", "na\\u006de": "b"}]}',
      /^x\.json: an object has a key twice/,
    ],
    ['`__proto__`', '{"cases": [{"__proto__": {"name": "x"}}]}', /`cases\[0\]\.__proto__` is no known key/],
  ])('refuse %s in JSON', (_what, text, expected) => {
    expect(refusal(text, 'x.json')).toMatch(expected);
  });

  it('name the policy files they are about', () => {
    const [one] = parse(`policies = ["b.cedar", "a.cedar", "b.cedar"]\n${MINIMAL}`);
    expect(one?.policies).toEqual({
      names: ['a.cedar', 'b.cedar'],
      at: { file: 'x.toml', line: 1, column: 1 },
    });
    expect(parse(MINIMAL)[0]?.policies).toBeUndefined();
    for (const names of ['[]', '["../a.cedar"]', '["a.toml"]', '[""]', '["a\\\\b.cedar"]']) {
      expect(refusal(`policies = ${names}\n${MINIMAL}`)).toMatch(/^x\.toml:1:1: `policies` must name files/);
    }
  });

  it('refuse content in two places', () => {
    const request =
      '[[cases]]\nname = "x"\nmethod = "GET"\nurl = "https://h/"\nexpect = { outcome = "DENY" }\n';
    expect(parse(request)).toHaveLength(1);
    expect(refusal(`${request}body = ""\nparams = {}`)).toContain('params` cannot stand beside `body`');
    expect(refusal(`${request}content_type = "a"\nheaders = { Content-Type = "b" }`)).toContain(
      'content_type` stands in `headers` as well',
    );
  });

  it('refuse whatever JSON holds by a FirmaError, or read it', () => {
    const keys = fc.constantFrom(
      'name',
      'url',
      'action',
      'session',
      'now',
      'expect',
      'params',
      'budget',
      'x',
    );
    const one = fc.dictionary(keys, fc.jsonValue({ maxDepth: 2 }));
    fc.assert(
      fc.property(fc.array(one), (cases) => {
        const message = refusal(JSON.stringify({ cases }), 'x.json');
        expect(message).toMatch(/^(x\.json: |not refused)/);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the answer to a case', () => {
  it('is compared with what is expected, as far as that says', () => {
    const came = { outcome: 'DENY', reason: 'POLICY_FORBID', policies: ['a', 'b'] } as const;
    const nothingMore = { reason: undefined, policies: undefined };
    expect(isExpected({ outcome: 'DENY', ...nothingMore }, came)).toBe(true);
    expect(isExpected({ outcome: 'ABORT', ...nothingMore }, came)).toBe(false);
    expect(isExpected({ outcome: 'DENY', ...nothingMore, reason: 'POLICY_ERROR' }, came)).toBe(false);
    expect(isExpected({ outcome: 'DENY', ...nothingMore, policies: ['a', 'b'] }, came)).toBe(true);
    for (const policies of [[], ['a'], ['a b'], ['a', 'c'], ['a', 'b', 'c']]) {
      expect(isExpected({ outcome: 'DENY', ...nothingMore, policies }, came)).toBe(false);
    }
  });
});

describe('why a policy applies', () => {
  function findings(changes: Parameters<typeof query>[0]): unknown {
    return explainPolicies(bundle, query(changes)).map(({ policy, outcome, unmatched }) => [
      policy.id,
      outcome,
      ...unmatched,
    ]);
  }

  it('is said of each policy by itself', () => {
    expect(findings({})).toEqual([
      ['busy', 'errored'],
      ['pay', 'satisfied'],
      ['stop', 'unsatisfied'],
    ]);
    const context = { session: { ...CONTEXT.session, calls: 1, denies: 10 } };
    expect(findings({ groups: [], action: 'code.read', context })).toEqual([
      ['busy', 'satisfied'],
      ['pay', 'out-of-scope', 'principal', 'action'],
      ['stop', 'satisfied'],
    ]);
  });

  it('says what went wrong where a condition errs', () => {
    const [busy] = explainPolicies(bundle, query());
    expect(busy?.error).toMatch(/overflow/);
    expect(busy?.clause).toMatchObject({ kind: 'when', number: 1, line: 4 });
  });

  it('names the first clause that keeps a policy from applying, and what the policy reads', () => {
    const many = loadBundle(
      [
        {
          file: 'x.cedar',
          text: `@id("p") @when("unless { x }")
permit (principal, action, resource) // when { false }
when { context.session.calls == 4 && "} when {" != context.request.method }
unless
{ context.budget has spend &&
  context.budget.spend > 1 && {a: 1} != {a: 2} }
when { context.params has amount && context.time.hour_utc < 3 };`,
        },
      ],
      INPUTS,
    );
    const [one] = explainPolicies(many, query());
    expect(one?.clause).toEqual({
      kind: 'unless',
      number: 2,
      line: 4,
      text: 'unless { context.budget has spend && context.budget.spend > 1 && {a: 1} != {a: 2} }',
    });
    expect(one?.facts).toEqual(
      new Map<string, unknown>([
        ['session.calls', 4],
        ['budget.spend', 4000],
        ['budget.token/calls', 7],
        ['request.method', 'POST'],
        ['time.hour_utc', 13],
        ['params.amount', 1000],
        ['params.currency', 'usd'],
      ]),
    );
    const [other] = explainPolicies(many, query({ context: { budget: {} } }));
    expect(other?.clause).toMatchObject({ kind: 'when', number: 3, line: 7 });
    const context = { budget: {}, nowMs: 3_600_000 };
    expect(explainPolicies(many, query({ context }))[0]).toMatchObject({
      outcome: 'satisfied',
      clause: undefined,
    });
  });

  it('is said of a policy that the compiled engine declines, too', () => {
    const declined = bundle.policies.map((policy) => ({
      ...policy,
      lowered: {
        declined: 'a test says so',
        scope: 'declined' in policy.lowered ? undefined : policy.lowered,
      },
    }));
    const unscoped = declined.map((policy) => ({
      ...policy,
      lowered: { ...policy.lowered, scope: undefined },
    }));
    const outcomes = (policies: typeof bundle.policies): string[] =>
      explainPolicies({ ...bundle, policies }, query({ groups: [] })).map(({ outcome }) => outcome);
    expect(outcomes(declined)).toEqual(['errored', 'out-of-scope', 'unsatisfied']);
    expect(outcomes(unscoped)).toEqual(['errored', 'unsatisfied', 'unsatisfied']);
  });
});
