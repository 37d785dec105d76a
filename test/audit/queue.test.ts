import { StateUnusable } from '@firma/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuditQueue } from '../../src/audit/queue.ts';
import type { SharedQueue } from '../../src/audit/queue.ts';
import { RingMerge } from '../../src/audit/ring-merge.ts';
import { CLOSING, DOWN, makeRing, makeSharedCells, OPEN, STATE } from '../../src/audit/ring.ts';
import { decisionRecord, outcomeRecord } from './sample-record.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let shared: SharedArrayBuffer;
let state: Int32Array;
let merge: RingMerge;

beforeEach(() => {
  shared = makeSharedCells();
  state = new Int32Array(shared);
  Atomics.store(state, STATE, OPEN);
  merge = new RingMerge(shared, 1_024);
});

afterEach(() => {
  vi.useRealTimers();
});

function open(thread = 1, maxRecords = 64): { queue: AuditQueue; wakes: () => number } {
  const shape: SharedQueue = {
    thread,
    shared,
    ring: makeRing(maxRecords, 100_000),
    maxRecords,
    maxBytes: 100_000,
  };
  merge.add(thread, shape.ring);
  let count = 0;
  return { queue: new AuditQueue(shape, () => count++), wakes: () => count };
}

function acknowledge(queue: AuditQueue, count: number): void {
  merge.take();
  merge.acknowledge(count, () => queue.acknowledged());
}

describe('AuditQueue', () => {
  it('lets one session fill an eighth, all decisions seven, and anything else the rest', () => {
    const { queue } = open();
    const fill = (session: string): number => {
      let taken = 0;
      while (queue.append(decisionRecord(taken, session))) taken++;
      return taken;
    };
    expect(fill('loud')).toBe(8);
    expect([1, 2, 3, 4, 5, 6, 7].map((i) => fill(`session-${i}`))).toEqual([8, 8, 8, 8, 8, 8, 0]);
    let others = 0;
    while (queue.append(outcomeRecord(others))) others++;
    expect(others).toBe(8);
    expect(queue.stats).toMatchObject({ accepted: 64, refused: 9, queued: 64 });
    acknowledge(queue, 8);
    expect(queue.append(decisionRecord(1, 'loud'))).toBe(false);
    acknowledge(queue, 1);
    expect(queue.append(decisionRecord(1, 'session-1'))).toBe(true);
    expect(merge.rings()[0]?.lost).toBe(10);
  });

  it('wakes the main thread once a turn, and not again before it has looked', async () => {
    const one = open(1);
    const two = open(2);
    for (let i = 0; i < 5; i++) one.queue.append(decisionRecord(i));
    expect(one.wakes()).toBe(0);
    await turn();
    expect(one.wakes()).toBe(1);
    one.queue.append(decisionRecord(6));
    two.queue.append(decisionRecord(7));
    await turn();
    expect([one.wakes(), two.wakes()]).toEqual([1, 0]);
    merge.take();
    two.queue.append(decisionRecord(8));
    await turn();
    expect([one.wakes(), two.wakes()]).toEqual([1, 1]);
  });

  it('does not wait for another thread’s message on the main thread itself', async () => {
    const other = open(1);
    const home = open(0);
    other.queue.append(decisionRecord(1));
    home.queue.append(decisionRecord(2));
    await turn();
    expect([other.wakes(), home.wakes()]).toEqual([1, 1]);
  });

  it('has a call wait until its record, and every earlier one, is acknowledged', async () => {
    const { queue } = open();
    expect(queue.written()).toBeUndefined();
    queue.append(decisionRecord(1));
    queue.append(decisionRecord(2));
    let isWritten = false;
    const waiting = queue.written()?.then(() => (isWritten = true));
    acknowledge(queue, 1);
    await turn();
    expect(isWritten).toBe(false);
    acknowledge(queue, 1);
    await waiting;
    expect(isWritten).toBe(true);
    expect(queue.written()).toBeUndefined();
  });

  it('refuses, and rejects who waits, once the log takes none; those that wait for a close are told', async () => {
    const { queue } = open();
    queue.append(decisionRecord(1));
    queue.append(decisionRecord(2));
    const waiting = queue.written();
    Atomics.store(state, STATE, CLOSING);
    acknowledge(queue, 1);
    expect(queue.append(decisionRecord(3))).toBe(false);
    await expect(queue.written()).rejects.toThrow(StateUnusable);
    acknowledge(queue, 1);
    await expect(waiting).resolves.toBeUndefined();

    Atomics.store(state, STATE, OPEN);
    queue.append(decisionRecord(4));
    const lost = queue.written();
    Atomics.store(state, STATE, DOWN);
    queue.acknowledged();
    await expect(lost).rejects.toThrow(StateUnusable);
    Atomics.store(state, STATE, OPEN);
    expect(queue.append(decisionRecord(5))).toBe(true);
  });

  it('waits for five seconds and no longer, each call by itself', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { queue } = open();
    const gaveUp: number[] = [];
    const wait = (number: number): void => {
      queue.append(decisionRecord(number));
      queue.written()?.catch(() => gaveUp.push(number));
    };
    wait(1);
    await vi.advanceTimersByTimeAsync(3_000);
    wait(2);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(gaveUp).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(gaveUp).toEqual([1]);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(gaveUp).toEqual([1, 2]);
  });

  it('takes nothing after its close, and has what it took fetched at once', () => {
    const { queue, wakes } = open();
    queue.append(decisionRecord(1));
    queue.close();
    expect(wakes()).toBe(1);
    expect(queue.append(decisionRecord(2))).toBe(false);
    expect(merge.take()?.toString()).toContain(decisionRecord(1).event_id);
  });
});
