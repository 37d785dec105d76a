import { describe, expect, it } from 'vitest';
import { ApiHandler } from '../../../src/ingress/api.ts';
import { EVENT_ID, PROOF, requestOf, ScriptedService, WITH_KEY } from '../scripted-service.ts';

describe('what is told of the server itself', () => {
  it('is that it lives, at once', () => {
    expect(new ApiHandler(new ScriptedService()).handle(requestOf('GET', '/healthz'))).toEqual({
      status: 200,
      body: '{"status":"ok"}',
    });
  });

  it('is whether every part is ready, and which is not', async () => {
    const service = new ScriptedService();
    const api = new ApiHandler(service);
    expect((await api.handle(requestOf('GET', '/readyz'))).status).toBe(200);
    for (const part of ['bundle', 'revocations', 'audit', 'store'] as const) {
      const ready = { ...service.ready };
      service.ready = { ...ready, [part]: { ready: false, detail: 'why' } };
      const answer = await api.handle(requestOf('GET', '/readyz'));
      expect(answer.status).toBe(503);
      expect(JSON.parse(answer.body)).toMatchObject({
        ready: false,
        [part]: { ready: false, detail: 'why' },
      });
      service.ready = ready;
    }
  });

  it('is its metrics, as text', async () => {
    const answer = await new ApiHandler(new ScriptedService()).handle(requestOf('GET', '/metrics'));
    expect(answer).toEqual({
      status: 200,
      body: 'firma_decisions_total 1\n',
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
    });
  });

  it('is nothing where there is no such endpoint', async () => {
    expect((await new ApiHandler(new ScriptedService()).handle(requestOf('GET', '/x'))).status).toBe(404);
  });
});

describe('GET /v1/events/{event_id}/proof', () => {
  const proof = (service: ScriptedService, id = EVENT_ID, headers = WITH_KEY) =>
    Promise.resolve(new ApiHandler(service).handle(requestOf('GET', `/v1/events/${id}/proof`, '', headers)));

  it('is for enforcement points alone: a record is another agent’s business', async () => {
    expect((await proof(new ScriptedService(), EVENT_ID, [])).status).toBe(401);
  });

  it('is the proof, once signed', async () => {
    const service = new ScriptedService();
    const answer = await proof(service);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toEqual({
      record: PROOF.record,
      leaf_index: 3,
      tree_size: 8,
      inclusion: ['AAAA'],
      checkpoint: PROOF.checkpoint,
    });
    service.proofs = 'unsigned';
    const early = await proof(service);
    expect(early.status).toBe(409);
    expect(early.headers).toContainEqual(['retry-after', '1']);
    service.proofs = 'unknown';
    expect((await proof(service)).status).toBe(404);
  });

  it.each(['x', '..', EVENT_ID.toUpperCase(), `${EVENT_ID}x`, '%30'])('knows no event `%s`', async (id) => {
    expect((await proof(new ScriptedService(), id)).status).toBe(404);
  });
});
