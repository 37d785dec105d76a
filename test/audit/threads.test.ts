import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { StateUnusable } from '@firma/core';
import type { LogReport } from '@firma/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuditPipeline } from '../../src/audit/pipeline.ts';
import { readLog } from '../../src/audit/read-log.ts';
import { verifyRunLog } from '../../src/audit/verify-run.ts';
import { entryPoint } from '../../src/entry-point.ts';
import { verifierKeyPath } from '../../src/store/signing-key.ts';
import { scratchDir } from '../store/scratch-dir.ts';
import { decisionRecord, outcomeRecord } from './sample-record.ts';
import { stopProcess } from './stop-process.ts';

interface Logged {
  readonly kind: string;
  readonly agent_id: string;
  readonly session: { readonly calls: number };
  readonly lost?: number;
}

/** What each thread is given besides its queue: what it does, as code in which `queue`, `next`, `tell` and `wait` stand. */
const PRELUDE = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { url, shared, counter, record, isDeaf } = workerData;
  const tell = (text) => parentPort.postMessage(text);
  const cells = new Int32Array(counter);
  let number = 0;
  // One record under a lock, numbered within it: as a session's decisions are. Refused: it takes no number.
  const next = (queue, agent) => {
    while (Atomics.compareExchange(cells, 0, 0, 1) !== 0);
    const calls = Atomics.load(cells, 1) + 1;
    const line = { ...record, agent_id: agent, session_id: agent + (number++ % 16), session: { ...record.session, calls } };
    const isTaken = queue.append(line);
    if (isTaken) Atomics.store(cells, 1, calls);
    Atomics.store(cells, 0, 0);
    return isTaken;
  };
  const main = async () => {
    const { AuditQueue } = await import(url);
    const queue = new AuditQueue(shared, () => { if (!isDeaf) tell('wake'); });
    parentPort.on('message', () => queue.acknowledged());
`;
const CODA = `
  };
  void main().then(() => parentPort.close());
`;

let runDir: string;
let keyFile: string;
let counter: SharedArrayBuffer;
const open: AuditPipeline[] = [];
const workers: Worker[] = [];

beforeEach(() => {
  const stateDir = scratchDir();
  runDir = join(stateDir, 'runs', 'run');
  keyFile = join(stateDir, 'log.key');
  counter = new SharedArrayBuffer(8);
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
  await Promise.allSettled(open.splice(0).map((pipeline) => pipeline.close()));
});

async function start(maxQueued = 2_048): Promise<AuditPipeline> {
  const pipeline = await AuditPipeline.start({
    runDir,
    keyFile,
    origin: 'test/run',
    sidecarId: 'sidecar',
    fsync: 'checkpoint',
    maxQueued,
    threads: 4,
  });
  open.push(pipeline);
  return pipeline;
}

function startThread(pipeline: AuditPipeline, thread: number, code: string, isDeaf = false): Worker {
  const worker = new Worker(`${PRELUDE}${code}${CODA}`, {
    eval: true,
    workerData: {
      url: pathToFileURL(entryPoint('audit/queue.js')).href,
      shared: pipeline.openQueue(thread),
      counter,
      record: decisionRecord(thread),
      isDeaf,
    },
  });
  workers.push(worker);
  pipeline.onAcknowledged(thread, () => worker.postMessage('acknowledged', []));
  worker.on('message', (text: unknown) => {
    if (text === 'wake') pipeline.drain();
  });
  return worker;
}

async function heard(worker: Worker, wanted: string): Promise<void> {
  for (;;) {
    const [text]: unknown[] = await once(worker, 'message');
    if (text === wanted) return;
  }
}

async function logged(): Promise<Logged[]> {
  const records: Logged[] = [];
  for await (const text of readLog(runDir)) records.push(JSON.parse(text));
  return records;
}

const verify = (): Promise<LogReport> =>
  verifyRunLog(runDir, { verifierKey: readFileSync(verifierKeyPath(keyFile), 'utf8') });
const decisions = (records: readonly Logged[]): Logged[] => records.filter(({ kind }) => kind === 'decision');
const numbers = (records: readonly Logged[]): number[] =>
  decisions(records).map(({ session }) => session.calls);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** Appends as many as it is told, a few a turn; waits where its queue is full. */
const append = (agent: string, count: number): string => `
    for (let taken = 0; taken < ${count};) {
      for (let i = 0; i < 50 && taken < ${count}; i++) {
        if (next(queue, '${agent}')) taken++;
        else await queue.written();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await queue.written();
    tell('done');
`;

describe('several deciding threads', () => {
  it('have every record in the log once, in the order of the lock they were appended under; so after a restart', async () => {
    const pipeline = await start();
    const each = 1_200;
    const threads = [1, 2, 3].map((thread) => startThread(pipeline, thread, append(`agent-${thread}`, each)));
    await Promise.all(threads.map((worker) => heard(worker, 'done')));
    await pipeline.close();
    const all = await logged();
    expect(numbers(all)).toEqual(upTo(3 * each));
    for (const agent of ['agent-1', 'agent-2', 'agent-3']) {
      expect(all.filter(({ agent_id: id }) => id === agent)).toHaveLength(each);
    }
    const gaps = all.filter(({ kind }) => kind === 'gap');
    expect(gaps.reduce((sum, { lost = 0 }) => sum + lost, 0)).toBe(pipeline.stats.refused);

    const again = await start();
    const worker = startThread(again, 1, append('agent-1', 10));
    await heard(worker, 'done');
    await again.close();
    expect(numbers(await logged())).toEqual(upTo(3 * each + 10));
    expect(await verify()).toMatchObject({ ok: true, uncovered: 0 });
  });

  it('lose nothing that was accepted before a close, also where the main thread was told of none of it', async () => {
    const pipeline = await start();
    const code = `for (let i = 0; i < 300; i++) next(queue, 'agent'); tell('done');`;
    await heard(startThread(pipeline, 1, code, true), 'done');
    await pipeline.close();
    expect(numbers(await logged())).toEqual(upTo(300));
    expect(await verify()).toMatchObject({ ok: true, uncovered: 0 });
  });

  it('are refused one by one where a queue is full; the others’ records still get through', async () => {
    const pipeline = await start(64);
    stopProcess(pipeline.writerPid ?? 0);
    const code = `
      let taken = 0;
      for (let i = 0; i < 200; i++) if (next(queue, 'loud')) taken++;
      tell(taken === 56 ? 'full' : 'took ' + taken);
      await queue.written();
      tell('written');
    `;
    const worker = startThread(pipeline, 1, code);
    await heard(worker, 'full');
    expect(pipeline.append(decisionRecord(1))).toBe(true);
    expect(pipeline.stats).toMatchObject({ accepted: 57, refused: 144, lost: 144 });
    process.kill(pipeline.writerPid ?? 0, 'SIGCONT');
    await heard(worker, 'written');
    await pipeline.close();
    const gaps = (await logged()).filter(({ kind }) => kind === 'gap');
    expect(gaps.map(({ lost }) => lost)).toEqual([144]);
    expect(await verify()).toMatchObject({ ok: true });
  });
});

describe('a deciding thread that dies', () => {
  it('has lost no record that it was told is written, and another goes on under its number', async () => {
    const pipeline = await start();
    const code = `
      for (let round = 0; ; round++) {
        for (let i = 0; i < 20; i++) next(queue, 'agent');
        await queue.written();
        if (round === 20) tell('running');
      }
    `;
    const worker = startThread(pipeline, 1, code);
    await heard(worker, 'running');
    await worker.terminate();
    pipeline.threadEnded(1);
    await vi.waitFor(() => expect(pipeline.stats.queued).toBe(0));
    // It may have died within the lock, with its record taken or not.
    const cells = new Int32Array(counter);
    const inLog = numbers(await logged()).length;
    expect([0, 1]).toContain(inLog - Atomics.load(cells, 1));
    Atomics.store(cells, 0, 0);
    Atomics.store(cells, 1, inLog);
    await heard(startThread(pipeline, 1, append('next', 30)), 'done');
    await pipeline.close();
    const all = await logged();
    expect(numbers(all)).toEqual(upTo(inLog + 30));
    expect(await verify()).toMatchObject({ ok: true, uncovered: 0 });
  });

  it('holds nobody up with a ticket whose record never comes; the log says that it is missing', async () => {
    const pipeline = await start();
    const code = `
      next(queue, 'agent');
      await queue.written();
      Buffer.prototype.write = () => {
        tell('stuck');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      };
      queue.append({ ...record, session_id: 'last' });
    `;
    const worker = startThread(pipeline, 1, code);
    await heard(worker, 'stuck');
    pipeline.append(outcomeRecord(1));
    await pipeline.written();
    await worker.terminate();
    pipeline.threadEnded(1);
    pipeline.append(outcomeRecord(2));
    await pipeline.written();
    expect(pipeline.stats).toMatchObject({ queued: 0, lost: 0 });
    await pipeline.close();
    const kinds = (await logged()).map(({ kind, lost }) => (lost === undefined ? kind : `${kind} ${lost}`));
    expect(kinds).toEqual(['key', 'decision', 'outcome', 'gap 1', 'outcome']);
    expect(await verify()).toMatchObject({ ok: true });
  });
});

describe('a writer that dies', () => {
  it('ends acceptance on every thread, and who waits there is told', async () => {
    const pipeline = await start();
    stopProcess(pipeline.writerPid ?? 0);
    const code = `
      next(queue, 'agent');
      tell('appended');
      const wasTold = await queue.written().then(() => 'written', () => 'rejected');
      const isTaken = queue.append(record);
      const after = await queue.written().then(() => 'written', () => 'rejected');
      tell([wasTold, isTaken, after].join());
    `;
    const worker = startThread(pipeline, 1, code);
    await heard(worker, 'appended');
    process.kill(pipeline.writerPid ?? 0, 'SIGKILL');
    await heard(worker, 'rejected,false,rejected');
    expect(pipeline.append(decisionRecord(1))).toBe(false);
    await expect(pipeline.close()).rejects.toThrow(StateUnusable);
    open.length = 0;
  });
});
