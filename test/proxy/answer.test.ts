import { describe, expect, it } from 'vitest';
import { answerDenial, answerUnauthenticated, type Denial } from '../../src/proxy/answer.ts';

const DENIAL: Denial = {
  outcome: 'DENY',
  scope: undefined,
  reason: 'POLICY_FORBID',
  detail: 'payments above 50 are not made',
  remedy: 'ask a person',
  actionClass: 'payment.transfer',
  resource: 'api.stripe.com/v1/payment_intents',
  policies: ['spend-limit'],
  budgets: [],
  eventId: '0190-x',
  retryAfterS: undefined,
};

function answered(accept?: string, userAgent?: string): { type: string; body: string } {
  const { headers, body } = answerDenial(DENIAL, { accept, userAgent });
  expect(headers['content-length']).toBe(String(Buffer.byteLength(body)));
  return { type: headers['content-type'] ?? '', body };
}

describe('a denial', () => {
  it('has the members of RFC 9457, ours, and those that SDKs look for', () => {
    const { type, body } = answered('*/*');
    expect(type).toMatch(/^application\/problem\+json/);
    expect(JSON.parse(body)).toEqual({
      type: 'urn:firma:reason:POLICY_FORBID',
      title: 'Call denied',
      status: 403,
      detail: DENIAL.detail,
      firma: {
        outcome: 'DENY',
        reason: 'POLICY_FORBID',
        action_class: 'payment.transfer',
        resource: DENIAL.resource,
        policies: ['spend-limit'],
        remedy: 'ask a person',
        event_id: '0190-x',
      },
      message: 'payments above 50 are not made. ask a person',
      error: {
        type: 'firma_denied',
        code: 'POLICY_FORBID',
        message: 'payments above 50 are not made. ask a person',
      },
    });
  });

  it('names the budgets that count the call, with what remains of them', () => {
    const budgets = [{ name: 'spend', charged: 0, remaining: 1999 }];
    const { body } = answerDenial({ ...DENIAL, budgets }, { accept: undefined, userAgent: undefined });
    expect(JSON.parse(body)).toMatchObject({ firma: { reason: 'POLICY_FORBID', budgets } });
  });

  it.each([
    [undefined, 'application/problem+json'],
    ['text/html', 'application/problem+json'],
    ['application/json', 'application/json'],
    ['application/vnd.github.v3+json', 'application/json'],
    ['application/json, application/problem+json', 'application/problem+json'],
    ['application/vnd.npm.install-v1+json; q=1.0, application/json', 'application/json'],
  ])('to `Accept: %s` is %s', (accept, type) => expect(answered(accept).type.split(';')[0]).toBe(type));

  it('to npm has an error that is text, and to git is text alone', () => {
    expect(JSON.parse(answered('application/vnd.npm.install-v1+json').body)).toMatchObject({
      error: 'payments above 50 are not made. ask a person',
    });
    expect(answered('*/*', 'git/2.39.5')).toEqual({
      type: 'text/plain; charset=utf-8',
      body: 'payments above 50 are not made. ask a person\n',
    });
  });

  it.each([
    ['POLICY_NO_PERMIT', 403, undefined],
    ['CREDENTIAL_UNAVAILABLE', 403, undefined],
    ['DESTINATION_FORBIDDEN', 403, undefined],
    ['OVERLOADED', 503, '1'],
    ['AUDIT_UNAVAILABLE', 503, '1'],
    ['BUNDLE_STALE', 503, '1'],
    ['BUNDLE_NOT_READY', 503, '1'],
    ['REVOCATIONS_STALE', 503, '1'],
    ['UPSTREAM_UNREACHABLE', 502, undefined],
    ['UPSTREAM_TIMEOUT', 504, undefined],
  ] as const)('for %s is %i', (reason, status, retryAfter) => {
    const answer = answerDenial({ ...DENIAL, reason }, { accept: undefined, userAgent: undefined });
    expect(answer.status).toBe(status);
    expect(answer.headers['retry-after']).toBe(retryAfter);
  });

  it.each([
    ['BUDGET_EXCEEDED', 17, 429, '17'],
    ['SESSION_LIMIT', 1, 429, '1'],
    ['BUDGET_EXCEEDED', undefined, 403, undefined],
    ['OVERLOADED', 17, 503, '1'],
  ] as const)('for %s that %s s may help is %i', (reason, retryAfterS, status, retryAfter) => {
    const denial = { ...DENIAL, reason, retryAfterS };
    const answer = answerDenial(denial, { accept: undefined, userAgent: undefined });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ status });
    expect(answer.headers['retry-after']).toBe(retryAfter);
  });

  it('of a call without a session asks for a proxy credential', () => {
    const answer = answerUnauthenticated({ accept: undefined, userAgent: undefined });
    expect(answer).toMatchObject({ status: 407, headers: { 'proxy-authenticate': 'Basic realm="firma"' } });
  });
});
