import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ForwardingHandler } from '../../src/ingress/forwarding.ts';
import type { Answer } from '../../src/ingress/port.ts';
import type { Batch } from '../../src/pool/messages.ts';

function answer(body: string): Answer {
  return { status: 200, body };
}

describe('the handler of the ingress worker', () => {
  let handler: ForwardingHandler;
  let channel: MessageChannel;

  beforeEach(() => {
    channel = new MessageChannel();
    handler = new ForwardingHandler(channel.port1);
  });
  afterEach(() => {
    vi.useRealTimers();
    handler.close();
    channel.port1.close();
  });

  it('gives each call the answer of its id, in whatever order they come', async () => {
    const calls = ['a', 'b'].map((text) => handler.decide(new TextEncoder().encode(text)));
    const [batch] = (await once(channel.port2, 'message')) as [Batch<Uint8Array>];
    expect(batch.items.map((body) => new TextDecoder().decode(body))).toEqual(['a', 'b']);
    const [first = 0, second = 0] = batch.ids;
    handler.answered({
      type: 'batch',
      ids: [second, 999, first],
      items: [answer('B'), answer('?'), answer('A')],
    });
    expect((await Promise.all(calls)).map(({ body }) => body)).toEqual(['A', 'B']);
  });

  it('has at most 1024 calls under way; the next is 503', async () => {
    const body = new Uint8Array(1);
    const calls = Array.from({ length: 1024 }, () => handler.decide(body));
    expect((await handler.decide(body)).status).toBe(503);
    handler.answered({ type: 'batch', ids: [1], items: [answer('A')] });
    expect((await calls[0])?.status).toBe(200);
    void handler.decide(body);
    expect((await handler.decide(body)).status).toBe(503);
  });

  it('waits ten seconds for an answer, and one that comes later is nobody’s', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
    handler = new ForwardingHandler(channel.port1);
    const early = handler.decide(new Uint8Array(1));
    await vi.advanceTimersByTimeAsync(6_000);
    const late = handler.decide(new Uint8Array(1));
    await vi.advanceTimersByTimeAsync(5_000);
    expect((await early).status).toBe(503);
    handler.answered({ type: 'batch', ids: [1, 2], items: [answer('?'), answer('B')] });
    expect((await late).body).toBe('B');
  });

  it('answers what is under way with 503 when it is closed', async () => {
    const call = handler.decide(new Uint8Array(1));
    handler.close();
    expect((await call).status).toBe(503);
  });
});
