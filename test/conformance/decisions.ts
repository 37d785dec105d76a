import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DecisionJson } from '../../src/call.ts';

/** What an entrance has to have loaded for this suite. */
export const MAPPINGS = `
[[rules]]
method = "GET"
host = "api.test"
path = "/repos/*/*"
action_class = "code.read"

[[rules]]
method = "POST"
host = "api.test"
path = "/repos/*/*"
action_class = "code.write"

[[rules]]
method = "DELETE"
host = "api.test"
path = "/repos/*/*"
action_class = "repo.admin"

[[rules]]
method = "POST"
host = "pay.test"
path = "/charges"
action_class = "payment.transfer"
[rules.params]
amount = "form:amount"
currency = "form:currency"
`;

export const POLICIES = `
@id("reads") permit (principal, action == Firma::Action::"code.read", resource);
@id("writes") permit (principal, action == Firma::Action::"code.write", resource);
@id("pays") permit (principal, action == Firma::Action::"payment.transfer", resource);
@id("limit") @reason("payments end at 50.00") @remedy("ask a person")
forbid (principal, action == Firma::Action::"payment.transfer", resource)
unless { context.params has amount && context.params.amount <= 5000 };
`;

/** One way to ask for decisions, over `MAPPINGS` and `POLICIES`. */
export interface Entrance {
  /** Decides one call; `refused` where it is not even read as one. */
  decide(call: object): Promise<DecisionJson | 'refused'>;
  /** For an agent who may use `code.*`, `payment.transfer` and `repo.admin` everywhere. */
  token(): Promise<string> | string;
  close(): Promise<void>;
}

const READ = { method: 'GET', url: 'https://api.test/repos/o/r' };
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

function payment(body?: string, headers: object = FORM): object {
  const call = { method: 'POST', url: 'https://pay.test/charges', headers };
  return body === undefined ? call : { ...call, body };
}

/** Call, outcome, reason, class. */
const DECIDED: readonly (readonly [string, object, string, string, string | undefined])[] = [
  ['a call that a policy permits', READ, 'ALLOW', 'OK', 'code.read'],
  ['a host in capitals', { ...READ, url: 'https://API.test/repos/o/r' }, 'ALLOW', 'OK', 'code.read'],
  ['a default port', { ...READ, url: 'https://api.test:443/repos/o/r' }, 'ALLOW', 'OK', 'code.read'],
  ['a query', { ...READ, url: 'https://api.test/repos/o/r?page=2' }, 'ALLOW', 'OK', 'code.read'],
  ['a class without a permit', { ...READ, method: 'DELETE' }, 'DENY', 'POLICY_NO_PERMIT', 'repo.admin'],
  ['a body that no rule needs', { ...READ, method: 'POST', body: '{' }, 'ALLOW', 'OK', 'code.write'],
  ['a payment within its limit', payment('amount=5000&currency=usd'), 'ALLOW', 'OK', 'payment.transfer'],
  ['a payment beyond it', payment('amount=5001&currency=usd'), 'DENY', 'POLICY_FORBID', 'payment.transfer'],
  ['a payment without its fact', payment('currency=usd'), 'DENY', 'POLICY_FORBID', 'payment.transfer'],
  ['a payment without a body', payment(), 'DENY', 'POLICY_FORBID', 'payment.transfer'],
  [
    'facts that nobody here read',
    {
      method: 'POST',
      url: 'https://pay.test/charges',
      headers: FORM,
      params: { amount: 1, currency: 'usd' },
    },
    'DENY',
    'PARAMS_UNREADABLE',
    undefined,
  ],
  [
    'facts that no rule asks for',
    { ...READ, method: 'POST', params: { amount: 1 } },
    'ALLOW',
    'OK',
    'code.write',
  ],
  ['a fact that is none', payment('amount=-1&currency=usd'), 'DENY', 'PARAMS_UNREADABLE', undefined],
  ['a fact twice', payment('amount=1&amount=9000&currency=usd'), 'DENY', 'PARAMS_UNREADABLE', undefined],
  [
    'another content type',
    payment('amount=1', { 'content-type': 'text/plain' }),
    'DENY',
    'PARAMS_UNREADABLE',
    undefined,
  ],
  [
    'a second method',
    { ...READ, headers: { 'X-HTTP-Method-Override': 'DELETE' } },
    'DENY',
    'POLICY_NO_PERMIT',
    'repo.admin',
  ],
  [
    'a call that no rule matches',
    { ...READ, url: 'https://api.test/users' },
    'DENY',
    'UNCLASSIFIED_ACTION',
    undefined,
  ],
  [
    'another port',
    { ...READ, url: 'https://api.test:8443/repos/o/r' },
    'DENY',
    'UNCLASSIFIED_ACTION',
    undefined,
  ],
  ['no TLS', { ...READ, url: 'http://api.test/repos/o/r' }, 'DENY', 'UNCLASSIFIED_ACTION', undefined],
  ['two slashes', { ...READ, url: 'https://api.test//repos/o/r' }, 'DENY', 'MALFORMED_REQUEST', undefined],
  ['a dot segment', { ...READ, url: 'https://api.test/repos/o/./r' }, 'DENY', 'MALFORMED_REQUEST', undefined],
  ['two dots', { ...READ, url: 'https://api.test/x/../repos/o/r' }, 'DENY', 'MALFORMED_REQUEST', undefined],
  [
    'a needless escape',
    { ...READ, url: 'https://api.test/repos/o/%72' },
    'DENY',
    'MALFORMED_REQUEST',
    undefined,
  ],
  ['no path', { ...READ, url: 'https://api.test' }, 'DENY', 'MALFORMED_REQUEST', undefined],
  ['a fragment', { ...READ, url: 'https://api.test/repos/o/r#x' }, 'DENY', 'MALFORMED_REQUEST', undefined],
  [
    'a user',
    { ...READ, url: 'https://api.test@evil.test/repos/o/r' },
    'DENY',
    'MALFORMED_REQUEST',
    undefined,
  ],
  [
    'a backslash',
    { ...READ, url: 'https://api.test\\@evil.test/repos/o/r' },
    'DENY',
    'MALFORMED_REQUEST',
    undefined,
  ],
  ['another scheme', { ...READ, url: 'ftp://api.test/repos/o/r' }, 'DENY', 'MALFORMED_REQUEST', undefined],
  ['no host', { ...READ, url: '/repos/o/r' }, 'DENY', 'MALFORMED_REQUEST', undefined],
  ['a method that is none', { ...READ, method: 'G ET' }, 'DENY', 'MALFORMED_REQUEST', undefined],
];

const REFUSED: readonly (readonly [string, object])[] = [
  ['no method', { url: READ.url }],
  ['no url', { method: 'GET' }],
  ['an unknown field', { ...READ, transport: 'proxy' }],
  ['facts beside a body', { ...READ, body: '', params: { amount: 1 } }],
  ['facts in a list', { ...READ, params: [1] }],
  ['a token that is no text', { ...READ, token: 1 }],
  ['headers in a list', { ...READ, headers: [['a', 'b']] }],
  ['a header of two lines', { ...READ, headers: { a: 'b\r\nc: d' } }],
  ['a long url', { ...READ, url: `https://api.test/${'x'.repeat(9_000)}` }],
  ['a long body', { ...READ, body: 'x'.repeat(65_537) }],
  ['half a character', { ...READ, body: '\ud800' }],
];

/** What every entrance answers to the same calls: an API in another thread, on another server, or in this process. */
export function decisionConformance(name: string, open: () => Promise<Entrance>): void {
  describe(`decisions ${name}`, () => {
    let entrance: Entrance;
    let token: string;

    beforeAll(async () => {
      entrance = await open();
      token = await entrance.token();
    });
    afterAll(() => entrance.close());

    it.each(DECIDED)('about %s', async (_what, call, outcome, reason, actionClass) => {
      const decision = await entrance.decide({ token, ...call });
      expect(decision).toMatchObject({ outcome, reason });
      expect(decision === 'refused' ? decision : decision.action_class).toBe(actionClass);
      expect(decision).toMatchObject({ event_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    });

    it('tell what a policy says', async () => {
      expect(await entrance.decide({ token, ...payment('amount=5001&currency=usd') })).toMatchObject({
        detail: expect.stringContaining('payments end at 50.00'),
        remedy: 'ask a person',
        policies: ['limit'],
      });
    });

    it('are about nobody without a token, or with a bad one', async () => {
      const missing = await entrance.decide(READ);
      expect(missing).toMatchObject({ outcome: 'DENY', reason: 'TOKEN_MISSING' });
      const forged = await entrance.decide({ ...READ, token: `${token.slice(0, -8)}AAAAAAAA` });
      expect(forged).toMatchObject({ outcome: 'DENY', reason: 'TOKEN_INVALID' });
      const ids = [missing, forged].map((decision) =>
        decision === 'refused' ? 'refused' : decision.event_id,
      );
      expect(ids).toEqual([undefined, undefined]);
    });

    it('have an id each', async () => {
      const decisions = await Promise.all(
        Array.from({ length: 20 }, () => entrance.decide({ token, ...READ })),
      );
      const ids = decisions.map((decision) => (decision === 'refused' ? '' : decision.event_id));
      expect(new Set(ids).size).toBe(20);
    });

    it.each(REFUSED)('are none about a call with %s', async (_what, call) => {
      expect(await entrance.decide({ token, ...call })).toBe('refused');
    });
  });
}
