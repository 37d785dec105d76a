import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answerPeer, ForwardingHandler } from '../../src/ingress/forwarding.ts';
import type { Answer, IngressRequest } from '../../src/ingress/port.ts';
import type { Batch } from '../../src/pool/messages.ts';
import { requestOf } from './scripted-service.ts';

function answer(body: string): Answer {
  return { status: 200, body };
}

const asking = (text: string): IngressRequest => requestOf('POST', '/v1/decide', text);

describe('the handler of a thread that only listens', () => {
  let handler: ForwardingHandler;
  let deciders: MessagePort[];

  /** The other end of a thread that decides. */
  const addDecider = (): MessagePort => {
    const { port1, port2 } = new MessageChannel();
    handler.add(port1);
    deciders.push(port2);
    return port2;
  };
  const asked = async (decider: MessagePort): Promise<Batch<IngressRequest>> => {
    const [batch] = (await once(decider, 'message')) as [Batch<IngressRequest>];
    return batch;
  };

  beforeEach(() => {
    handler = new ForwardingHandler();
    deciders = [];
  });
  afterEach(() => {
    vi.useRealTimers();
    handler.close();
    for (const decider of deciders) decider.close();
  });

  it('gives each request the answer of its id, in whatever order they come', async () => {
    const decider = addDecider();
    const answers = ['a', 'b'].map((text) => handler.handle(asking(text)));
    const { ids, items } = await asked(decider);
    expect(items).toEqual([asking('a'), asking('b')]);
    const [first = 0, second = 0] = ids;
    const batch: Batch<Answer> = {
      type: 'batch',
      ids: [second, 999, first],
      items: [answer('B'), answer('?'), answer('A')],
    };
    decider.postMessage(batch, []);
    expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(['A', 'B']);
  });

  it('asks the thread that has the fewest', async () => {
    const [one, two] = [addDecider(), addDecider()];
    const answers = ['a', 'b', 'c', 'd'].map((text) => handler.handle(asking(text)));
    for (const decider of [one, two]) {
      answerPeer(decider, { handle: ({ body }) => answer(new TextDecoder().decode(body)) });
    }
    const batches = await Promise.all([asked(one), asked(two)]);
    expect(batches.map(({ ids }) => ids.length)).toEqual([2, 2]);
    expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('has at most 1,024 requests with one thread; the next is 503', async () => {
    const decider = addDecider();
    const answers = Array.from({ length: 1_024 }, () => handler.handle(asking('x')));
    const refused = await handler.handle(asking('x'));
    expect(refused.status).toBe(503);
    expect(refused.headers).toContainEqual(['retry-after', '1']);
    answerPeer(decider, { handle: () => answer('A') });
    expect((await Promise.all(answers)).every(({ status }) => status === 200)).toBe(true);
    expect((await handler.handle(asking('x'))).status).toBe(200);
  });

  it('waits ten seconds for an answer', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
    handler = new ForwardingHandler();
    const decider = addDecider();
    const early = handler.handle(asking('early'));
    await vi.advanceTimersByTimeAsync(6_000);
    const late = handler.handle(asking('late'));
    await vi.advanceTimersByTimeAsync(5_000);
    expect((await early).status).toBe(503);
    decider.postMessage({ type: 'batch', ids: [1, 2], items: [answer('?'), answer('B')] }, []);
    expect((await late).body).toBe('B');
  });

  it('refuses what a thread leaves behind, and what no thread is there for', async () => {
    const decider = addDecider();
    const left = handler.handle(asking('x'));
    decider.close();
    expect((await left).status).toBe(503);
    expect(await handler.handle(asking('x'))).toMatchObject({ status: 503 });
  });

  it('refuses what is under way when it is closed', async () => {
    addDecider();
    const underWay = handler.handle(asking('x'));
    handler.close();
    expect((await underWay).status).toBe(503);
  });
});

describe('the other end of the channel', () => {
  it('answers each request at once or later, as its handler does', async () => {
    const { port1, port2 } = new MessageChannel();
    answerPeer(port2, {
      handle: ({ target }) => (target === '/now' ? answer('now') : Promise.resolve(answer('later'))),
    });
    const got = once(port1, 'message') as Promise<[Batch<Answer>]>;
    const items = [requestOf('GET', '/later'), requestOf('GET', '/now')];
    port1.postMessage({ type: 'batch', ids: [7, 8], items }, []);
    const [batch] = await got;
    expect(batch).toEqual({ type: 'batch', ids: [8, 7], items: [answer('now'), answer('later')] });
    port1.close();
    port2.close();
  });
});
