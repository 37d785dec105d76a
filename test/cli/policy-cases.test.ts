import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import type { PolicyEngine } from '../../native-free-core/policy/port.ts';
import { CaseRunner, writtenAnswer } from '../../src/cli/policy/run-case.ts';
import { openEngine } from '../../src/cli/policy/engine.ts';
import { openFixtures } from '../../src/cli/policy/fixture-files.ts';
import { makeLastingDir, write } from '../config/place.ts';

const CONFIG = `[sidecar.mapping]
rules_path = "rules.toml"
[sidecar.policy]
path = "p.cedar"
[authority]
issuance_path = "issue.cedar"
`;
const RULES = `[[rules]]
method = "POST"
host = "api.stripe.com"
path = "/pay/*"
action_class = "payment.transfer"
[rules.params]
amount = "form:amount"
account = "path:2"

[[rules]]
method = "GET"
host = "api.stripe.com"
path = "/other"
action_class = "payment.read"
[rules.params]
channel = "query:channel"

[[rules]]
method = "POST"
host = "api.stripe.com"
path = "/soap"
action_class = "payment.read"
refine = "soap-action"
[rules.refine_map]
Transfer = "payment.transfer"

[[groups]]
name = "bank"
hosts = ["*.stripe.com"]
`;
const POLICIES = `@id("all") permit (principal, action, resource) when { true };
@id("bank") forbid (principal, action == Firma::Action::"code.read", resource in Firma::HostGroup::"bank");
@id("stripe") forbid (principal, action == Firma::Action::"code.read", resource)
when { resource has provider && resource.provider == "stripe" };
@id("limit") forbid (principal, action == Firma::Action::"payment.transfer", resource)
unless { context.params has amount && context.params.amount <= 50 && context.params has account && context.params.account == "a" };`;

let root: string;
let remove: () => void;

beforeAll(() => {
  ({ root, remove } = makeLastingDir({
    'firma.toml': CONFIG,
    'rules.toml': RULES,
    'p.cedar': POLICIES,
    'issue.cedar': '',
  }));
});

afterAll(() => remove());

/** What comes of one case, or why it is refused. */
async function come(lines: string): Promise<string> {
  const file = join(root, 'case.toml');
  write(file, `[[cases]]\nname = "x"\n${lines}\nexpect = { outcome = "ALLOW" }\n`);
  const { open, suites } = await openFixtures(file, {
    config: join(root, 'firma.toml'),
    policies: join(root, 'p.cedar'),
  });
  const [suite] = suites;
  const [tested] = suite?.cases ?? [];
  if (suite === undefined || tested === undefined) throw new Error('no case');
  const { engine, close }: { engine: PolicyEngine; close: () => void } = openEngine(suite.bundle);
  try {
    return writtenAnswer((await new CaseRunner(open, engine).run(tested)).answer);
  } catch (error) {
    return error instanceof Error ? error.message.replace(`${root}/`, '') : String(error);
  } finally {
    close();
  }
}

const PAY = 'method = "POST"\nurl = "https://api.stripe.com/pay/a"\n';

describe('a case with `params` in place of a body', () => {
  it('has these beside what its path says', async () => {
    expect(await come(`${PAY}params = { amount = 50 }`)).toBe('ALLOW OK by `all`');
    expect(await come(`${PAY}params = { amount = 51 }`)).toBe('DENY POLICY_FORBID by `limit`');
    expect(await come(`${PAY.replace('/a"', '/b"')}params = { amount = 50 }`)).toBe(
      'DENY POLICY_FORBID by `limit`',
    );
  });

  it('is refused where no live call could have them', async () => {
    expect(await come(`${PAY}params = { currency = "usd" }`)).toBe(
      'case.toml:1: case `x`: `params.currency` is no fact of the rule at rules.toml:1; it declares `account`, `amount`',
    );
    expect(
      await come('method = "GET"\nurl = "https://api.stripe.com/other"\nparams = { amount = 1 }'),
    ).toMatch(/`params\.amount` is no fact of the rule at rules\.toml:10; it declares `channel`$/);
    expect(await come(`${PAY}params = { amount = 50, account = "a" }`)).toMatch(
      /`params\.account` is given by the call itself as well$/,
    );
    expect(await come('method = "POST"\nurl = "https://api.stripe.com/soap"\nparams = {}')).toMatch(
      /the rule at rules\.toml:18 has `refine`: .*; give `body` in place of `params`$/,
    );
  });

  it('is answered as live where the query holds a fact of the body', async () => {
    expect(await come(`${PAY.replace('/a"', '/a?amount=9000"')}params = { amount = 5 }`)).toBe(
      'DENY PARAMS_UNREADABLE',
    );
    expect(await come(`${PAY.replace('/a"', '/a?amount[]=9000"')}params = { amount = 5 }`)).toBe(
      'DENY PARAMS_UNREADABLE',
    );
    expect(await come(`${PAY.replace('/a"', '/a?note=1"')}params = { amount = 5 }`)).toBe(
      'ALLOW OK by `all`',
    );
  });
});

describe('a case with `action`', () => {
  const at = (resource: string): Promise<string> => come(`action = "code.read"\nresource = { ${resource} }`);

  it('takes provider and groups of the host from the mapping tables', async () => {
    expect(await at('host = "api.stripe.com"')).toBe('DENY POLICY_FORBID by `bank`, `stripe`');
    expect(await at('host = "h.example"')).toBe('ALLOW OK by `all`');
  });

  it('takes what is given instead', async () => {
    expect(await at('host = "api.stripe.com", groups = [], provider = ""')).toBe('ALLOW OK by `all`');
    expect(await at('host = "api.stripe.com", groups = []')).toBe('DENY POLICY_FORBID by `stripe`');
    expect(await at('host = "h.example", groups = ["bank"]')).toBe('DENY POLICY_FORBID by `bank`');
  });

  it('has no groups on a port that no rule names', async () => {
    expect(await at('host = "api.stripe.com", port = 8443')).toBe('DENY POLICY_FORBID by `stripe`');
  });
});
