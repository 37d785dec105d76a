import type { Decision } from '@firma/core';
import { describe, expect, it } from 'vitest';
import type { Call } from '../../src/call.ts';
import { ingressHandler } from '../../src/ingress/handler.ts';
import { type Answer } from '../../src/ingress/port.ts';

const DENIED: Decision = {
  outcome: 'DENY',
  reason: 'POLICY_FORBID',
  stage: 'policy',
  scope: undefined,
  detail: 'no',
  remedy: undefined,
  eventId: 'e1',
  target: undefined,
  envelope: undefined,
  capability: undefined,
  policies: ['p1'],
  budgets: [],
  retryAfterS: undefined,
  timings: { normalize: 1, capability: 2, policy: 3, total: 6 },
  reservation: undefined,
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function answerTo(body: Uint8Array): Promise<{ answer: Answer; asked: Call[] }> {
  const asked: Call[] = [];
  const handler = ingressHandler((call) => {
    asked.push(call);
    return Promise.resolve(DENIED);
  });
  return { answer: await handler.decide(body), asked };
}

describe('a body of the decision API', () => {
  it('that is a call is asked about; a denial is an answer, 200', async () => {
    const call = { token: 't', method: 'POST', url: 'https://api.stripe.com/v1/charges', body: 'ä' };
    const { answer, asked } = await answerTo(bytes(JSON.stringify(call)));
    expect(asked).toEqual([call]);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({
      outcome: 'DENY',
      reason: 'POLICY_FORBID',
      event_id: 'e1',
    });
  });

  it.each([
    ['is empty', bytes('')],
    ['is no JSON', bytes('{')],
    ['is no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['starts with a byte order mark', Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d)],
    ['is no object', bytes('[]')],
    ['lacks a field', bytes('{"method":"GET"}')],
    ['has a key twice', bytes('{"method":"GET","method":"POST","url":"https://a.example/"}')],
    ['is nested without end', bytes('['.repeat(60_000))],
  ])('that %s is 400 and nobody is asked', async (_what, body) => {
    const { answer, asked } = await answerTo(body);
    expect(answer.status).toBe(400);
    expect(asked).toEqual([]);
  });

  it('that could not be decided is no permission', async () => {
    const handler = ingressHandler(() => Promise.reject(new Error('THE CAUSE')));
    const answer = await handler.decide(bytes('{"method":"GET","url":"https://a.example/"}'));
    expect(answer.status).toBe(503);
    expect(answer.body).not.toContain('CAUSE');
  });
});
