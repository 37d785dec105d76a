import { describe, expect, it } from 'vitest';
import { explain } from '../../native-free-core/normalizer/explain.ts';
import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';
import { bytes, request } from './request.ts';

const mappings = loadMappings([
  {
    file: 'table.toml',
    text: `
[[rules]]
method = "POST"
host = "api.stripe.com"
path = "/v1/charges"
action_class = "payment.transfer"
[rules.params]
amount = "form:amount"

[[rules]]
method = "GET"
host = "api.stripe.com"
path = "/v1/charges"
action_class = "payment.read"

[[rules]]
method = "POST"
host = "api.stripe.com"
path = "/v1/**"
fold = [1]
action_class = "payment.purchase"

[[rules]]
host = "*.stripe.com"
action_class = "payment.tax"

[[rules]]
method = "POST"
host = "soap.example"
path = "/bank"
action_class = "payment.read"
refine = "soap-action"
[rules.refine_map]
Transfer = "payment.transfer"
`,
  },
]);

const url = 'https://API.stripe.com/v1//charges';
const headers = { 'content-type': 'application/x-www-form-urlencoded' };

describe('an explanation', () => {
  it('holds everything classification found', () => {
    expect(explain(mappings, request('POST', url, { headers }), { bytes: bytes('amount=7') })).toEqual({
      ok: true,
      canonical: { scheme: 'https', host: 'api.stripe.com', port: 443, path: '/v1/charges' },
      action_class: 'payment.transfer',
      risk: 'critical',
      rule: { file: 'table.toml', line: 2 },
      resource: 'api.stripe.com/v1/charges',
      provider: 'stripe',
      params: { amount: 7 },
      readings: [
        {
          action_class: 'payment.transfer',
          risk: 'critical',
          method: 'POST',
          resource: 'api.stripe.com/v1/charges',
          rule: { file: 'table.toml', line: 2 },
          params: { amount: 7 },
        },
      ],
      runners_up: [
        {
          rule: { file: 'table.toml', line: 16 },
          pattern: 'POST api.stripe.com /v1/**',
          action_class: 'payment.purchase',
          why: 'path segment 2: the literal `charges` before `**`',
        },
        {
          rule: { file: 'table.toml', line: 23 },
          pattern: '* *.stripe.com *',
          action_class: 'payment.tax',
          why: 'host: the exact `api.stripe.com` before `*.stripe.com`',
        },
      ],
      reason: null,
      detail: null,
    });
  });

  it('takes a call without a body for one with an empty body', () => {
    expect(explain(mappings, request('POST', url, { bodyLength: undefined }))).toMatchObject({
      ok: true,
      params: {},
    });
  });

  it('keeps the class of a call whose facts cannot be read', () => {
    expect(explain(mappings, request('POST', url, { headers }), { bytes: bytes('amount=-7') })).toMatchObject(
      {
        ok: false,
        action_class: 'payment.transfer',
        rule: { file: 'table.toml', line: 2 },
        params: {},
        reason: 'PARAMS_UNREADABLE',
        detail: '`amount` is not an integer from 0 to 2^53-1',
      },
    );
  });

  it('lists every reading, the riskiest first', () => {
    const explained = explain(mappings, request('GET', `${url}?_method=POST`));
    expect(explained.readings.map((reading) => `${reading.method} ${reading.action_class}`)).toEqual([
      'POST payment.transfer',
      'GET payment.read',
    ]);
  });

  it('takes the class from the body where the rule leaves it to the body', () => {
    // No reader knows this as an operation of the table, so it is the strictest one.
    const raw = request('POST', 'https://soap.example/bank', { headers: { 'content-type': 'text/xml' } });
    expect(explain(mappings, raw, { bytes: bytes('<x/>') })).toMatchObject({
      action_class: 'payment.transfer',
      risk: 'critical',
      readings: [{ action_class: 'payment.transfer', resource: 'soap.example/bank' }],
    });
  });

  it('does not take the beginning of a body for the whole of it', () => {
    const long = bytes(`amount=1&pad=${'x'.repeat(70_000)}`).subarray(0, 65_537);
    expect(explain(mappings, request('POST', url, { headers }), { bytes: long })).toMatchObject({
      ok: false,
      reason: 'PARAMS_UNREADABLE',
    });
  });

  it('compares the rules that lost with the path as it came, not as it is named', () => {
    expect(explain(mappings, request('POST', 'https://api.stripe.com/V1/x%2Fy'))).toMatchObject({
      resource: 'api.stripe.com/v1/x%2Fy',
      runners_up: [{ rule: { line: 23 } }],
    });
  });

  it('says why a call is refused, with what is known of its target', () => {
    expect(explain(mappings, request('DELETE', 'https://stripe.com/'))).toMatchObject({
      ok: false,
      canonical: { host: 'stripe.com' },
      action_class: null,
      rule: null,
      readings: [],
      runners_up: [],
      reason: 'UNCLASSIFIED_ACTION',
    });
    expect(explain(mappings, request('GET', 'https://a@b/'))).toMatchObject({
      ok: false,
      canonical: null,
      reason: 'MALFORMED_REQUEST',
      detail: 'the target has user info',
    });
  });
});
