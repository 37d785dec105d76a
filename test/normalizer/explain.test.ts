import { describe, expect, it } from 'vitest';
import { explain } from '../../native-free-core/normalizer/explain.ts';
import { bytes, normalizerOf, request } from './request.ts';

const normalizer = normalizerOf(`
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
`);

const url = 'https://API.stripe.com/v1//charges';
const headers = { 'content-type': 'application/x-www-form-urlencoded' };

describe('an explanation', () => {
  it('holds everything classification found', () => {
    expect(explain(normalizer, request('POST', url, { headers }), bytes('amount=7'))).toEqual({
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
        },
      ],
      reason: null,
      detail: null,
    });
  });

  it('takes a call without a body for one with an empty body', () => {
    expect(explain(normalizer, request('POST', url, { bodyLength: undefined }))).toMatchObject({
      ok: true,
      params: {},
    });
  });

  it('keeps the class of a call whose facts cannot be read', () => {
    expect(explain(normalizer, request('POST', url, { headers }), bytes('amount=-7'))).toMatchObject({
      ok: false,
      action_class: 'payment.transfer',
      rule: { file: 'table.toml', line: 2 },
      params: {},
      reason: 'PARAMS_UNREADABLE',
      detail: '`amount` is not an integer from 0 to 2^53-1',
    });
  });

  it('lists every reading, the riskiest first', () => {
    const explained = explain(normalizer, request('GET', `${url}?_method=POST`));
    expect(explained.readings.map((reading) => `${reading.method} ${reading.action_class}`)).toEqual([
      'POST payment.transfer',
      'GET payment.read',
    ]);
  });

  it('says why a call is refused, with what is known of its target', () => {
    expect(explain(normalizer, request('DELETE', url))).toMatchObject({
      ok: false,
      canonical: { host: 'api.stripe.com' },
      action_class: null,
      rule: null,
      readings: [],
      reason: 'UNCLASSIFIED_ACTION',
    });
    expect(explain(normalizer, request('GET', 'https://a@b/'))).toMatchObject({
      ok: false,
      canonical: null,
      reason: 'MALFORMED_REQUEST',
      detail: 'the target has user info',
    });
  });
});
