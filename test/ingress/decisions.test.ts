import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DecisionPoint } from '../../src/decision-point.ts';
import type { ApiHandler } from '../../src/ingress/api.ts';
import type { Answer } from '../../src/ingress/port.ts';
import { startNodeIngress } from '../../src/ingress/node.ts';
import { startUwsIngress } from '../../src/ingress/uws.ts';
import { loadUws } from '../../src/ingress/uws-module.ts';
import { decisionConformance } from '../conformance/decisions.ts';
import type { Rig } from '../decision/rig.ts';
import { apiOf, entranceOver, entranceWithoutSocket, openPoint } from './decided.ts';
import { posted, requestOf, WITH_KEY } from './scripted-service.ts';

decisionConformance('on node:http', () => entranceOver(startNodeIngress));
decisionConformance('on uWebSockets.js', () =>
  entranceOver(async (options) => {
    const uws = await loadUws();
    if (uws === undefined) throw new Error('uWebSockets.js does not load');
    return startUwsIngress(uws, options);
  }),
);
decisionConformance('without a socket', entranceWithoutSocket);

const FORM = ['content-type', 'application/x-www-form-urlencoded'];

describe('the other entrances of the decision API', () => {
  let rooms: Rig;
  let point: DecisionPoint;
  let api: ApiHandler;
  let token: string;

  beforeAll(async () => {
    ({ rooms, point } = await openPoint());
    api = apiOf(point);
    token = rooms.token();
  });
  afterAll(() => point.close());

  const envoy = async (
    method: string,
    path: string,
    headers: readonly string[] = [],
    body = '',
  ): Promise<Answer> => {
    const host = path.startsWith('/charges') ? 'pay.test' : 'api.test';
    const all = ['host', host, 'x-forwarded-proto', 'https', 'x-firma-token', token, ...headers];
    return api.handle(requestOf(method, `/ext_authz${path}`, body, all));
  };
  const reasonOf = ({ headers }: Answer): string | undefined =>
    headers?.find(([name]) => name === 'x-firma-reason')?.[1];

  it('let Envoy’s calls through, and say which class they are', async () => {
    const answer = await envoy('GET', '/repos/o/r?x=y');
    expect(answer.status).toBe(200);
    expect(answer.headers).toContainEqual(['x-firma-action-class', 'code.read']);
    expect(rooms.decisions().at(-1)).toMatchObject({ transport: 'ext-authz', outcome: 'ALLOW' });
    expect((await envoy('DELETE', '/repos/o/r')).status).toBe(403);
    expect(reasonOf(await envoy('GET', '//repos/o/r'))).toBe('MALFORMED_REQUEST');
  });

  it('believe a body only where it is said to be whole', async () => {
    const body = 'amount=5000&currency=usd';
    const partial = (value: string): string[] => [...FORM, 'x-envoy-auth-partial-body', value];
    expect(reasonOf(await envoy('POST', '/charges', partial('false'), body))).toBe('OK');
    expect(reasonOf(await envoy('POST', '/charges', partial('false'), 'amount=9000'))).toBe('POLICY_FORBID');
    expect(reasonOf(await envoy('POST', '/charges', partial('true'), body))).toBe('PARAMS_UNREADABLE');
    expect(reasonOf(await envoy('POST', '/charges', FORM, body))).toBe('PARAMS_UNREADABLE');
    expect(reasonOf(await envoy('POST', '/charges', partial('false')))).toBe('PARAMS_UNREADABLE');
  });

  it('record a contradiction as malformed, in the session of the token', async () => {
    const before = rooms.decisions().length;
    const answer = await envoy('GET', '/repos/o/r', ['x-original-uri', '/harmless']);
    expect([answer.status, reasonOf(answer)]).toEqual([403, 'MALFORMED_REQUEST']);
    expect(rooms.decisions()).toHaveLength(before + 1);
    expect(rooms.decisions().at(-1)).toMatchObject({ reason: 'MALFORMED_REQUEST', transport: 'ext-authz' });
  });

  it('decide AuthZEN’s evaluations for the subject of the token alone', async () => {
    const subject = rooms.decisions().at(-1)?.agent_id ?? '';
    const evaluate = async (id: string): Promise<unknown> => {
      const answer = await api.handle(
        posted('/access/v1/evaluation', {
          subject: { type: 'agent', id },
          action: { name: 'GET' },
          resource: { type: 'http', id: 'https://api.test/repos/o/r' },
          context: { firma: { token } },
        }),
      );
      return JSON.parse(answer.body);
    };
    expect(await evaluate(subject)).toMatchObject({ decision: true });
    expect(await evaluate(`${subject}x`)).toMatchObject({
      decision: false,
      context: { firma: { reason: 'TOKEN_INVALID' } },
    });
  });

  it('give the canonical call where it is asked for', async () => {
    const call = { token, method: 'GET', url: 'https://API.test:443/x/../repos/o/r?y=z' };
    const decide = async (more: object): Promise<unknown> =>
      JSON.parse((await api.handle(posted('/v1/decide', { ...call, ...more }))).body);
    expect(await decide({})).toMatchObject({ reason: 'MALFORMED_REQUEST' });
    expect(await decide({ canonicalize: true })).toMatchObject({
      outcome: 'ALLOW',
      canonical: { method: 'GET', url: 'https://api.test/repos/o/r?y=z' },
    });
  });

  it('leave the commit to enforcement points', async () => {
    const call = { token, method: 'GET', url: 'https://api.test/repos/o/r', commit: 'manual' };
    const answer = await api.handle(posted('/v1/decide', call, WITH_KEY));
    const { event_id: eventId } = JSON.parse(answer.body) as { readonly event_id: string };
    expect(point.settle(eventId, 'rollback')).toBe(true);
    expect(point.settle(eventId, 'rollback')).toBe(false);
  });
});
