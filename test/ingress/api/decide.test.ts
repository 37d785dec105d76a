import { beforeEach, describe, expect, it } from 'vitest';
import { ApiHandler } from '../../../src/ingress/api.ts';
import type { Answer } from '../../../src/ingress/port.ts';
import {
  decisionOf,
  EVENT_ID,
  posted,
  PROOF,
  requestOf,
  ScriptedService,
  WITH_KEY,
} from '../scripted-service.ts';

const CALL = { token: 't', method: 'GET', url: 'https://api.github.com/user' };

describe('POST /v1/decide', () => {
  let service: ScriptedService;
  let api: ApiHandler;

  beforeEach(() => {
    service = new ScriptedService();
    api = new ApiHandler(service);
  });

  const decide = (body: unknown, headers: readonly string[] = []): Answer | Promise<Answer> =>
    api.handle(posted('/v1/decide', body, headers));
  const decideText = (body: Uint8Array | string) => api.handle(requestOf('POST', '/v1/decide', body));

  it('asks about the call, and answers 200 with the decision, a denial too', async () => {
    const call = { ...CALL, headers: { 'content-type': 'text/plain' }, body: 'ä' };
    expect(await decide(call)).toMatchObject({ status: 200 });
    const denied = await decide({ ...CALL, method: 'POST' });
    expect(denied.status).toBe(200);
    expect(JSON.parse(denied.body)).toMatchObject({
      outcome: 'DENY',
      reason: 'POLICY_FORBID',
      event_id: EVENT_ID,
      remedy: 'ask',
    });
    expect(service.asked[0]).toEqual({
      call,
      options: {
        transport: 'decide-api',
        source: 'test',
        commit: 'answer',
        canonicalize: false,
        receipt: false,
      },
    });
  });

  it('answers at once what is decided at once, and later what is decided later', async () => {
    expect(decide(CALL)).not.toBeInstanceOf(Promise);
    service.answer = () => Promise.resolve({ decision: decisionOf() });
    const later = decide(CALL);
    expect(later).toBeInstanceOf(Promise);
    expect((await later).status).toBe(200);
  });

  it('gives what was asked for beside the decision, and else nothing of it', async () => {
    const { body } = await decide({ ...CALL, canonicalize: true, receipt: true });
    expect(JSON.parse(body)).toMatchObject({
      canonical: { method: 'GET', url: 'https://api.github.com/user' },
      receipt: { record: PROOF.record, leaf_index: 3, tree_size: 8, inclusion: ['AAAA'] },
    });
    expect(service.asked[0]?.options).toMatchObject({ canonicalize: true, receipt: true });
    service.answer = () => ({ decision: decisionOf(), receipt: 'unsigned' });
    expect(JSON.parse((await decide({ ...CALL, receipt: true })).body)).toMatchObject({ receipt: null });
    const plain = JSON.parse((await decide(CALL)).body) as object;
    expect(plain).not.toHaveProperty('canonical');
  });

  it('leaves the commit to enforcement points alone', async () => {
    const manual = { ...CALL, commit: 'manual' };
    const wrong = [
      [],
      ['authorization', 'Bearer wrong'],
      ['authorization', 'Basic dGVzdA=='],
      ['authorization', ''],
      [...WITH_KEY, ...WITH_KEY],
    ];
    for (const headers of wrong) {
      const answer = await decide(manual, headers);
      expect(answer.status).toBe(401);
      expect(answer.headers).toContainEqual(['www-authenticate', 'Bearer']);
    }
    expect(service.asked).toEqual([]);
    expect((await decide(manual, WITH_KEY)).status).toBe(200);
    expect(service.asked[0]?.options.commit).toBe('manual');
  });

  it.each([
    ['is empty', ''],
    ['is no JSON', '{'],
    ['is no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['starts with a byte order mark', Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d)],
    ['is no object', '[]'],
    ['is null', 'null'],
    ['lacks a field', '{"method":"GET"}'],
    ['has a key twice', '{"method":"GET","method":"POST","url":"https://a.example/"}'],
    ['has a key twice, once escaped', '{"method":"GET","\\u006dethod":"POST","url":"https://a.example/"}'],
    ['has a header twice', '{"method":"GET","url":"https://a.example/","headers":{"a":"1","a":"2"}}'],
    ['has an unknown field', '{"method":"GET","url":"https://a.example/","transport":"proxy"}'],
    ['has a field of prototypes', '{"method":"GET","url":"https://a.example/","__proto__":{}}'],
    ['has a body and facts', '{"method":"GET","url":"https://a.example/","body":"","params":{"amount":1}}'],
    ['has a fact twice', '{"method":"GET","url":"https://a.example/","params":{"a":1,"a":2}}'],
    ['has a fact that is none', '{"method":"GET","url":"https://a.example/","params":{"a":[]}}'],
    ['wants another commit', '{"method":"GET","url":"https://a.example/","commit":"never"}'],
    ['wants no boolean receipt', '{"method":"GET","url":"https://a.example/","receipt":1}'],
    ['wants no boolean canonicalize', '{"method":"GET","url":"https://a.example/","canonicalize":"yes"}'],
    ['is nested without end', '['.repeat(60_000)],
    ['is an object without end', '{"headers":'.repeat(10_000)],
  ])('answers a body that %s with 400 and a reason, and asks nobody', async (_what, body) => {
    const answer = await decideText(body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toEqual({ error: { code: 'BAD_REQUEST', message: expect.any(String) } });
    expect(service.asked).toEqual([]);
  });

  it('names the fields there are to whoever sends another, and not the one sent', async () => {
    const { body } = await decide({ ...CALL, SECRET: 1 });
    expect(body).toContain('`canonicalize`');
    expect(body).not.toContain('SECRET');
  });

  it('gives no permission where its service fails', async () => {
    service.answer = () => {
      throw new Error('THE CAUSE');
    };
    expect(await decide(CALL)).toMatchObject({ status: 503 });
    service.answer = () => Promise.reject(new Error('THE CAUSE'));
    const answer = await decide(CALL);
    expect(answer.status).toBe(503);
    expect(answer.body).not.toContain('CAUSE');
    expect(answer.headers).toContainEqual(['retry-after', '1']);
  });
});

describe('POST /v1/commit and /v1/rollback', () => {
  it('settle a decision, each once', async () => {
    for (const how of ['commit', 'rollback']) {
      const service = new ScriptedService();
      const api = new ApiHandler(service);
      const ask = (body: unknown) => api.handle(posted(`/v1/${how}`, body, WITH_KEY));
      expect(await ask({ event_id: EVENT_ID })).toMatchObject({ status: 200, body: '{"settled":true}' });
      const again = await ask({ event_id: EVENT_ID });
      expect(again.status).toBe(404);
      expect(JSON.parse(again.body)).toMatchObject({ error: { code: 'EVENT_UNKNOWN' } });
      expect(service.settled).toEqual([how]);
    }
  });

  it('are for enforcement points alone', async () => {
    const service = new ScriptedService();
    const api = new ApiHandler(service);
    for (const path of ['/v1/commit', '/v1/rollback']) {
      expect((await api.handle(posted(path, { event_id: EVENT_ID }))).status).toBe(401);
    }
    expect(service.settled).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['no object', '"x"'],
    ['no id', '{}'],
    ['an id that is none', '{"event_id":"x"}'],
    ['an id that is no text', '{"event_id":1}'],
    ['another field', `{"event_id":"${EVENT_ID}","x":1}`],
    ['an id twice', `{"event_id":"${EVENT_ID}","event_id":"${EVENT_ID}"}`],
    ['what is called invalid', '{"invalid":"x"}'],
    ['no UTF-8', Uint8Array.of(0xff)],
  ])('take no body of %s', async (_what, body) => {
    const service = new ScriptedService();
    const answer = await new ApiHandler(service).handle(requestOf('POST', '/v1/commit', body, WITH_KEY));
    expect(answer.status).toBe(400);
    expect(service.settled).toEqual([]);
  });
});
