import { beforeEach, describe, expect, it } from 'vitest';
import { ApiHandler } from '../../../src/ingress/api.ts';
import type { Answer } from '../../../src/ingress/port.ts';
import { EVENT_ID, posted, requestOf, ScriptedService } from '../scripted-service.ts';

const ASKED = {
  subject: { type: 'agent', id: 'agent-1' },
  action: { name: 'GET' },
  resource: { type: 'http', id: 'https://api.github.com/user' },
  context: { firma: { token: 't' } },
};
const PATH = '/access/v1/evaluation';

describe('POST /access/v1/evaluation', () => {
  let service: ScriptedService;
  let api: ApiHandler;

  beforeEach(() => {
    service = new ScriptedService();
    api = new ApiHandler(service);
  });

  const evaluate = (body: unknown, headers: readonly string[] = []): Promise<Answer> =>
    Promise.resolve(api.handle(posted(PATH, body, headers)));

  it('asks about the call, in the name of its subject', async () => {
    const answer = await evaluate(ASKED);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({
      decision: true,
      context: { id: EVENT_ID, firma: { outcome: 'ALLOW', reason: 'OK' } },
    });
    expect(service.asked).toEqual([
      {
        call: { token: 't', method: 'GET', url: 'https://api.github.com/user' },
        options: {
          transport: 'authzen',
          source: 'test',
          commit: 'answer',
          canonicalize: false,
          receipt: false,
          subject: 'agent-1',
        },
      },
    ]);
  });

  it('takes the method of `action.properties`, headers and body of `context.firma`, and leaves the rest alone', async () => {
    await evaluate({
      subject: { ...ASKED.subject, properties: { department: 'Sales', nested: { a: [1] } } },
      action: { name: 'can_write', properties: { method: 'PUT' } },
      resource: { type: 'uri', id: 'https://a.example/x', properties: { library: {} } },
      context: { time: '2024', firma: { token: 't', headers: { 'content-type': 'a/b' }, body: 'x' } },
    });
    expect(service.asked[0]?.call).toEqual({
      token: 't',
      method: 'PUT',
      url: 'https://a.example/x',
      headers: { 'content-type': 'a/b' },
      body: 'x',
    });
  });

  it('says no with a reason', async () => {
    const answer = await evaluate({ ...ASKED, action: { name: 'DELETE' } });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({
      decision: false,
      context: { reason_user: { en: 'no. ask' }, firma: { reason: 'POLICY_FORBID' } },
    });
  });

  it('needs no context: without a token the decision is no', async () => {
    const { context: _left, ...bare } = ASKED;
    expect((await evaluate(bare)).status).toBe(200);
    expect(service.asked[0]?.call).not.toHaveProperty('token');
  });

  it('gives the request’s identifier back, where it is one', async () => {
    const id = ['x-request-id', 'bfe9eb29'];
    expect((await evaluate(ASKED, id)).headers).toContainEqual(['x-request-id', 'bfe9eb29']);
    expect((await evaluate({}, id)).headers).toContainEqual(['x-request-id', 'bfe9eb29']);
    for (const bad of ['a\r\nb: c', 'x'.repeat(257), '', 'ä']) {
      expect((await evaluate(ASKED, ['x-request-id', bad])).headers ?? []).toEqual([]);
    }
  });

  it.each<[string, unknown]>([
    ['no object', []],
    ['no subject', { ...ASKED, subject: undefined }],
    ['a subject without id', { ...ASKED, subject: { type: 'agent' } }],
    ['an empty subject', { ...ASKED, subject: { type: 'agent', id: '' } }],
    ['a subject with more', { ...ASKED, subject: { ...ASKED.subject, groups: [] } }],
    ['no action', { ...ASKED, action: undefined }],
    ['an action without name', { ...ASKED, action: { properties: { method: 'GET' } } }],
    ['two methods', { ...ASKED, action: { name: 'GET', properties: { method: 'DELETE' } } }],
    ['a method that is no text', { ...ASKED, action: { name: 'x', properties: { method: 1 } } }],
    ['no resource', { ...ASKED, resource: undefined }],
    ['a resource of another type', { ...ASKED, resource: { type: 'account', id: '123' } }],
    ['properties that are no object', { ...ASKED, resource: { ...ASKED.resource, properties: [] } }],
    ['a context that is no object', { ...ASKED, context: 'x' }],
    ['a token that is no text', { ...ASKED, context: { firma: { token: 1 } } }],
    ['another field of ours', { ...ASKED, context: { firma: { token: 't', url: 'https://b.example/' } } }],
    ['another field', { ...ASKED, evaluations: [] }],
    ['a long url', { ...ASKED, resource: { type: 'http', id: `https://a.example/${'x'.repeat(9_000)}` } }],
    ['nine levels', { ...ASKED, context: { a: { b: { c: { d: { e: { f: { g: {} } } } } } } } }],
  ])('refuses %s with a reason', async (_what, body) => {
    const answer = await evaluate(body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toEqual({ error: { code: 'BAD_REQUEST', message: expect.any(String) } });
    expect(service.asked).toEqual([]);
  });

  it.each([
    ['a key twice', JSON.stringify(ASKED).replace('"id":"agent-1"', '"id":"agent-1","id":"root"')],
    ['a key twice deep below', JSON.stringify(ASKED).replace('"token":"t"', '"token":"t","token":"u"')],
    ['no JSON', '{'],
    ['no UTF-8', Uint8Array.of(0xff)],
    ['depth without end', '{"context":'.repeat(10_000)],
    ['lists without end', `{"context":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ])('refuses %s', async (_what, body) => {
    expect((await api.handle(requestOf('POST', PATH, body))).status).toBe(400);
    expect(service.asked).toEqual([]);
  });
});

describe('GET /.well-known/authzen-configuration', () => {
  const configuration = async (headers: readonly string[]): Promise<unknown> => {
    const api = new ApiHandler(new ScriptedService());
    const answer = await api.handle(requestOf('GET', '/.well-known/authzen-configuration', '', headers));
    expect(answer.status).toBe(200);
    return JSON.parse(answer.body);
  };

  it('names the evaluation at the address it was asked at', async () => {
    expect(await configuration(['host', '127.0.0.1:7070'])).toEqual({
      policy_decision_point: 'http://127.0.0.1:7070',
      access_evaluation_endpoint: 'http://127.0.0.1:7070/access/v1/evaluation',
    });
  });

  it('names no host that is none', async () => {
    for (const host of ['a"b', 'a/b', 'a b', '']) {
      expect(await configuration(['host', host])).toMatchObject({
        policy_decision_point: 'http://localhost',
      });
    }
  });
});
