import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import type { SessionRequest } from '../../native-free-core/session/shared.ts';
import type { SessionHandle, SessionTable } from '../../native-free-core/session/table.ts';
import { MemoryStore } from './memory-store.ts';
import { calls, Clock, indexOf, opened, pay, spend, tableOf } from './subject.ts';

const CLASSES = ['payment.transfer', 'code.read'].map((name) => ({ name, index: indexOf(name) }));
const THREAD_FILE = fileURLToPath(new URL('deciding-thread.mjs', import.meta.url));

type Message =
  | { readonly kind: 'ready' | 'busy' }
  | { readonly kind: 'ask'; readonly id: number; readonly request: SessionRequest }
  | { readonly kind: 'done'; readonly left: number };

const workers = new Set<Worker>();

/** Threads over one table that begin at the same moment. */
class Threads {
  readonly counter = new Int32Array(new SharedArrayBuffer(4 * 256));
  readonly left: number[] = [];
  readonly #start = new Int32Array(new SharedArrayBuffer(4));
  readonly #ready: Promise<unknown>[] = [];
  readonly #ended: Promise<unknown>[] = [];
  readonly #busy = new Set<Worker>();
  readonly #table: SessionTable;

  constructor(table: SessionTable) {
    this.#table = table;
  }

  start(thread: number, task: string, sids: readonly string[], rounds = 0): Worker {
    const { counter } = this;
    const fixed = { classes: CLASSES, nowMs: new Clock().ms, start: this.#start };
    const worker = new Worker(THREAD_FILE, {
      workerData: { ...fixed, counter, rounds, shared: this.#table.share(), sids, task, thread },
    });
    workers.add(worker);
    this.#ready.push(once(worker, 'message'));
    worker.on('message', (message: Message) => void this.#hear(worker, message));
    this.#ended.push(once(worker, 'exit').then(() => workers.delete(worker)));
    return worker;
  }

  /** Lets all begin, once all are there. */
  async begun(): Promise<void> {
    await Promise.all(this.#ready);
    Atomics.store(this.#start, 0, 1);
    Atomics.notify(this.#start, 0);
  }

  /** Waits for a thread that calls without an end. */
  async busy(worker: Worker): Promise<void> {
    while (!this.#busy.has(worker)) await once(worker, 'message');
  }

  async ended(): Promise<void> {
    await Promise.all(this.#ended);
  }

  async #hear(worker: Worker, message: Message): Promise<void> {
    if (message.kind === 'done') this.left.push(message.left);
    if (message.kind === 'busy') this.#busy.add(worker);
    if (message.kind !== 'ask') return;
    worker.postMessage({ id: message.id, answer: await this.#table.serve(message.request) }, []);
  }
}

afterEach(async () => {
  await Promise.all([...workers].map((worker) => worker.terminate()));
});

const BUDGETS = [
  spend(900),
  spend(2000, { name: 'hourly', window: '1h' }),
  calls(1000, { name: 'of-agent', match: ['payment.*'], per: 'agent' }),
  calls(1200, { name: 'of-all', match: ['payment.*'], per: 'sidecar' }),
  { name: 'open', match: ['payment.*'], maxInFlight: 64, onExceed: 'deny' as const },
];

function uses(table: SessionTable, sid: string): Record<string, { committed: number; held: number }> {
  const handle = table.find(`iss\nagent\n${sid}`);
  if (handle === undefined) throw new Error('the session is not in memory');
  return Object.fromEntries(table.show(handle).budgets.map((one) => [one.name, one]));
}

describe('threads over one table', () => {
  it('never spend more than a budget, and all that was spent is counted', async () => {
    const table = await tableOf(BUDGETS);
    const threads = new Threads(table);
    const sids = ['a', 'b'];
    const own = await opened(table, 'a', [], 'agent');
    for (const thread of [1, 2, 3]) threads.start(thread, 'spend', sids, 900);
    await threads.begun();
    let mine = 0;
    for (let made = 0; made < 100; made++) {
      const answer = table.reserve(own, pay(2));
      if ('reason' in answer) continue;
      table.commit(answer.id);
      table.release(answer.id);
      mine += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await threads.ended();
    expect(threads.left).toEqual([0, 0, 0]);
    const [a, b] = sids.map((sid) => uses(table, sid));
    const spent = mine + (threads.counter[0] ?? 0);
    // Both sessions are full: 450 calls of 2 each.
    expect(a).toMatchObject({ spend: { committed: 900, held: 0 }, hourly: { committed: 900, held: 0 } });
    expect(b).toMatchObject({ spend: { committed: 900, held: 0 }, open: { committed: 0, held: 0 } });
    expect(spent).toBe(900);
    expect(a).toMatchObject({
      'of-agent': { committed: 900, held: 0 },
      'of-all': { committed: 900, held: 0 },
    });
    const [session] = table.list(1);
    expect(session?.openCalls).toBe(0);
  });

  it('keep two classes of a session apart that exclude each other', async () => {
    const table = await tableOf([], { maxSessions: 1024 });
    const sids = Array.from({ length: 400 }, (_, index) => `wall-${index}`);
    for (const sid of sids) await opened(table, sid, [], 'agent');
    const threads = new Threads(table);
    for (const thread of [1, 2, 3, 4]) threads.start(thread, 'wall', sids);
    await threads.begun();
    await threads.ended();
    for (const sid of sids) {
      const handle = await opened(table, sid, [], 'agent');
      const { allows, classes, denies } = table.show(handle);
      expect(classes).toHaveLength(1);
      expect([allows, denies]).toEqual([2, 2]);
    }
  });

  it.each(['without a store', 'with a store'])(
    'leave nothing behind that are terminated (%s)',
    async (how) => {
      const budgets = BUDGETS.map((budget) => ({
        ...budget,
        ...('maxAmount' in budget ? { maxAmount: 1e9 } : {}),
      })).map((budget) => ('maxCalls' in budget ? { ...budget, maxCalls: 1e9 } : budget));
      const store = how === 'with a store' ? new MemoryStore() : undefined;
      const table = await tableOf(budgets, store === undefined ? {} : { store });
      const sids = ['a', 'b', 'c'];
      for (const sid of sids) await opened(table, sid, [], 'agent');
      let charged = 0;
      const deaths = 5;
      for (let death = 0; death < deaths; death++) {
        const threads = new Threads(table);
        const worker = threads.start(7, 'forever', sids);
        await threads.begun();
        await threads.busy(worker);
        await worker.terminate();
        table.threadEnded(7);
        charged += threads.counter[0] ?? 0;
      }
      let committed = 0;
      for (const sid of sids) {
        const budgetUses = uses(table, sid);
        for (const { held } of Object.values(budgetUses)) expect(held).toBe(0);
        committed += (budgetUses['spend']?.committed ?? 0) / 2;
        const handle = table.find(`iss\nagent\n${sid}`);
        expect(handle !== undefined && table.enter(handle)).toBe(true);
        if (handle !== undefined) table.leave(handle);
      }
      for (const { handle } of table.list(9)) {
        const detail = table.show(handle as SessionHandle);
        expect(detail.openCalls).toBe(0);
        expect(new Set(detail.hosts).size).toBe(detail.hosts.length);
        for (const host of detail.hosts) expect(host).toMatch(/^h\d+\.test$/);
      }
      // Each death may have been in the middle of a charge, which counts, at most twice.
      expect(committed).toBeGreaterThanOrEqual(charged);
      expect(committed).toBeLessThanOrEqual(charged + 2 * deaths);
      for (const name of ['hourly', 'of-agent', 'of-all']) {
        const total = sids.map((sid) => uses(table, sid)[name]?.committed ?? 0);
        const sum = name === 'hourly' ? total.reduce((all, one) => all + one, 0) / 2 : (total[0] ?? 0);
        expect(sum).toBeGreaterThanOrEqual(charged);
        expect(sum).toBeLessThanOrEqual(charged + 2 * deaths);
      }
    },
  );

  it('lose nothing of sessions that leave memory under them', async () => {
    const store = new MemoryStore();
    const table = await tableOf([spend(1e6)], { store, maxSessions: 16 });
    const sids = Array.from({ length: 48 }, (_, index) => `s${index}`);
    const threads = new Threads(table);
    for (const thread of [1, 2, 3]) threads.start(thread, 'store', sids, 400);
    await threads.begun();
    await threads.ended();
    expect(threads.left).toEqual([0, 0, 0]);
    expect(table.sessionCount).toBeLessThanOrEqual(16);
    await table.flush();
    const after = await tableOf([spend(1e6)], { store, maxSessions: 64 });
    for (const [index, sid] of sids.entries()) {
      await opened(after, sid, [], 'agent');
      expect(uses(after, sid)).toMatchObject({
        spend: { committed: 2 * (threads.counter[64 + index] ?? 0), held: 0 },
      });
    }
    const made = [1, 2, 3].map((thread) => threads.counter[thread]);
    expect(made).toEqual([400, 400, 400]);
  });
});
