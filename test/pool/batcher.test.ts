import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { Batcher, MAX_BATCH } from '../../src/pool/batcher.ts';
import type { Batch } from '../../src/pool/messages.ts';

describe('a batcher', () => {
  const { port1, port2 } = new MessageChannel();

  afterEach(() => {
    port1.close();
  });

  it('sends what one turn of the event loop gave it as messages of at most 64 items, in order', async () => {
    const batches: Batch<string>[] = [];
    port2.on('message', (batch: Batch<string>) => batches.push(batch));
    const batcher = new Batcher<string>(port1);
    for (let id = 0; id < 2 * MAX_BATCH + 3; id++) batcher.send(id, `item ${id}`);
    while (batches.length < 3) await once(port2, 'message');
    expect(batches.map((batch) => batch.ids.length)).toEqual([MAX_BATCH, MAX_BATCH, 3]);
    const ids = batches.flatMap((batch) => batch.ids);
    expect(ids).toEqual(Array.from({ length: 2 * MAX_BATCH + 3 }, (_, id) => id));
    expect(batches.flatMap((batch) => batch.items)).toEqual(ids.map((id) => `item ${id}`));
    batcher.send(500, 'later');
    await once(port2, 'message');
    expect(batches[3]).toEqual({ type: 'batch', ids: [500], items: ['later'] });
  });
});
