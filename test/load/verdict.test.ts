import { describe, expect, it } from 'vitest';
import type { HttpResponse } from '../../src/load/response.ts';
import { decideVerdict, extAuthzVerdict, proxyVerdict } from '../../src/load/verdict.ts';

function response(status: number, body: string, headers = ''): HttpResponse {
  return { status, body, head: `HTTP/1.1 ${status} x${headers}`, closes: false };
}

const ALLOW = { outcome: 'ALLOW', reason: 'OK' };
const DENY = { outcome: 'DENY', reason: 'POLICY_FORBID' };

describe('an answer of the decision API', () => {
  it('says outcome and reason, in whatever order and spacing', () => {
    expect(decideVerdict(response(200, '{"outcome":"ALLOW","reason":"OK","stage":"policy"}'))).toEqual(ALLOW);
    expect(decideVerdict(response(200, '{ "reason": "POLICY_FORBID", "outcome": "DENY" }'))).toEqual(DENY);
  });

  it.each([
    '',
    'null',
    '[]',
    '{"outcome":"ALLOW"}',
    '{"outcome":"MAYBE","reason":"OK"}',
    '{"outcome":"ALLOW","reason":"<b>"}',
    '{"outcome":"ALLOW","reason":"OK"',
    '{"outcome":"ALLOW","reason":"OK}',
  ])('with the body %s is malformed', (body) => {
    expect(decideVerdict(response(200, body))).toEqual({ error: 'malformed' });
  });

  it('with another status is none', () => {
    expect(decideVerdict(response(503, '{"outcome":"ALLOW","reason":"OK"}'))).toEqual({
      error: 'status 503',
    });
  });
});

describe('an answer of ext_authz', () => {
  const allowing = '\r\nx-firma-outcome: ALLOW\r\nx-firma-reason: OK';
  const denying = '\r\nx-firma-outcome: DENY\r\nx-firma-reason: POLICY_FORBID';

  it('says outcome and reason in headers', () => {
    expect(extAuthzVerdict(response(200, '', allowing))).toEqual(ALLOW);
    expect(extAuthzVerdict(response(403, '', denying))).toEqual(DENY);
    expect(extAuthzVerdict(response(503, '', denying))).toEqual(DENY);
  });

  it('is malformed where status and headers contradict each other', () => {
    expect(extAuthzVerdict(response(200, '', denying))).toEqual({ error: 'malformed' });
    expect(extAuthzVerdict(response(403, '', allowing))).toEqual({ error: 'malformed' });
  });

  it('without headers, or for a peer that is not believed, is none', () => {
    expect(extAuthzVerdict(response(404, ''))).toEqual({ error: 'status 404' });
    const untrusted = '\r\nx-firma-outcome: DENY\r\nx-firma-reason: UNTRUSTED_PEER';
    expect(extAuthzVerdict(response(403, '', untrusted))).toEqual({ error: 'untrusted peer' });
  });
});

describe('an answer through the proxy', () => {
  it("is a refusal where it says so, and else the upstream's", () => {
    expect(proxyVerdict(response(200, 'whatever'))).toEqual(ALLOW);
    expect(proxyVerdict(response(304, ''))).toEqual(ALLOW);
    expect(proxyVerdict(response(403, JSON.stringify({ firma: DENY })))).toEqual(DENY);
  });

  it('is an error where nobody says why', () => {
    expect(proxyVerdict(response(407, JSON.stringify({ firma: DENY })))).toEqual({ error: 'status 407' });
    expect(proxyVerdict(response(502, 'bad gateway'))).toEqual({ error: 'status 502' });
    expect(proxyVerdict(response(403, '{"firma":{"outcome":"DENY"}}'))).toEqual({ error: 'malformed' });
  });
});
