import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { StartFailed, StateUnusable } from '@firma/core';
import type { LogReport } from '@firma/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuditPipeline } from '../../src/audit/pipeline.ts';
import type { AuditPipelineOptions } from '../../src/audit/pipeline.ts';
import { readLog } from '../../src/audit/read-log.ts';
import { verifyRunLog } from '../../src/audit/verify-run.ts';
import { entryPoint } from '../../src/entry-point.ts';
import { isInUse } from '../../src/store/run-lock.ts';
import { verifierKeyPath } from '../../src/store/signing-key.ts';
import { scratchDir } from '../store/scratch-dir.ts';
import { describeTools } from '../tools.ts';
import { eventIdOf } from './sample-log.ts';
import { decisionRecord, outcomeRecord } from './sample-record.ts';
import { stopProcess } from './stop-process.ts';

interface Logged {
  readonly kind: string;
  readonly event_id: string;
  readonly lost?: number;
  readonly discarded_bytes?: number;
}

let stateDir: string;
let runDir: string;
let keyFile: string;
const open: AuditPipeline[] = [];
const children: ChildProcess[] = [];

beforeEach(() => {
  stateDir = scratchDir();
  runDir = join(stateDir, 'runs', 'run');
  keyFile = join(stateDir, 'log.key');
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.allSettled(open.splice(0).map((pipeline) => pipeline.close()));
});

async function start(options: Partial<AuditPipelineOptions> = {}): Promise<AuditPipeline> {
  const pipeline = await AuditPipeline.start({
    runDir,
    keyFile,
    origin: 'test/run',
    sidecarId: 'side car+1',
    fsync: 'checkpoint',
    ...options,
  });
  open.push(pipeline);
  return pipeline;
}

/** A callback, and the promise of what it is called with first. */
function heard(): { hear: (detail: string) => void; detail: Promise<string> } {
  const emitter = new EventEmitter();
  const detail = once(emitter, 'heard').then(([text]) => String(text));
  return { hear: (text) => emitter.emit('heard', text), detail };
}

const pidOf = (pipeline: AuditPipeline): number => pipeline.writerPid ?? 0;
const verify = (): Promise<LogReport> =>
  verifyRunLog(runDir, { verifierKey: readFileSync(verifierKeyPath(keyFile), 'utf8') });

async function logged(): Promise<Logged[]> {
  const records: Logged[] = [];
  for await (const text of readLog(runDir)) records.push(JSON.parse(text));
  return records;
}

describe('AuditPipeline', () => {
  it('puts records into a log that verifies after a clean stop, in the order they came', async () => {
    const pipeline = await start();
    for (let i = 0; i < 2_000; i++) {
      expect(pipeline.append(decisionRecord(i, `session-${i % 10}`))).toBe(true);
    }
    await pipeline.close();
    expect(await verify()).toMatchObject({ ok: true, records: 2_001, uncovered: 0 });
    const ids = (await logged()).slice(1).map((record) => record.event_id);
    expect(ids).toEqual(Array.from({ length: 2_000 }, (_, i) => eventIdOf(i)));
    expect(pipeline.stats).toMatchObject({ accepted: 2_000, refused: 0, queued: 0, synced: 2_000 });
    expect(statSync(runDir).mode & 0o777).toBe(0o700);
  });

  it('signs within about a second without being stopped', async () => {
    const pipeline = await start();
    pipeline.append(decisionRecord(1));
    await vi.waitFor(async () => expect(await verify()).toMatchObject({ ok: true, records: 2, covered: 2 }), {
      timeout: 3_000,
    });
  });

  it('has a record at the writer’s before the call leaves', async () => {
    const pipeline = await start();
    pipeline.append(decisionRecord(1));
    await pipeline.written();
    expect(pipeline.written()).toBeUndefined();
    stopProcess(pidOf(pipeline));
    pipeline.append(decisionRecord(2));
    let isWritten = false;
    const waiting = pipeline.written()?.then(() => (isWritten = true));
    // A writer that took nothing yet could die with it.
    await new Promise((resolve) => setImmediate(resolve));
    expect(isWritten).toBe(false);
    process.kill(pidOf(pipeline), 'SIGCONT');
    await waiting;
  });

  it('lets an ALLOW wait for five seconds and no longer', async () => {
    const pipeline = await start();
    stopProcess(pidOf(pipeline));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      pipeline.append(decisionRecord(1));
      let gaveUp = false;
      const waiting = pipeline.written()?.catch((error: unknown) => {
        gaveUp = error instanceof StateUnusable;
      });
      await vi.advanceTimersByTimeAsync(4999);
      expect(gaveUp).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await waiting;
      expect(gaveUp).toBe(true);
    } finally {
      vi.useRealTimers();
      process.kill(pidOf(pipeline), 'SIGCONT');
    }
  });

  it('waits for the disk where that is asked', async () => {
    const pipeline = await start({ fsync: 'always' });
    expect(pipeline.written()).toBeUndefined();
    for (let i = 0; i < 50; i++) {
      pipeline.append(decisionRecord(i));
      await pipeline.written();
      expect(pipeline.stats.synced).toBe(i + 1);
    }
  });

  it('refuses what the log could not hold, and says so in it', async () => {
    const pipeline = await start();
    expect(pipeline.append({ ...decisionRecord(1), resource: '\ud800' })).toBe(false);
    expect(pipeline.append({ ...decisionRecord(1), resource: 'x'.repeat(70_000) })).toBe(false);
    await pipeline.close();
    expect((await logged()).at(-1)).toMatchObject({ kind: 'gap', lost: 2 });
    expect(await verify()).toMatchObject({ ok: true, records: 2 });
  });
});

describe('a writer that falls behind', () => {
  it('lets one session fill its share, then all of them theirs, then nobody; a gap record counts the rest', async () => {
    const pipeline = await start({ maxQueued: 64 });
    stopProcess(pidOf(pipeline));
    const fill = (session: string): number => {
      let taken = 0;
      while (pipeline.append(decisionRecord(taken, session))) taken++;
      return taken;
    };
    expect(fill('loud')).toBe(8);
    expect([1, 2, 3, 4, 5, 6, 7].map((i) => fill(`session-${i}`))).toEqual([8, 8, 8, 8, 8, 8, 0]);
    expect(pipeline.append(outcomeRecord(1))).toBe(true);
    expect(pipeline.stats).toMatchObject({ accepted: 57, refused: 8, lost: 8, queued: 57 });
    process.kill(pidOf(pipeline), 'SIGCONT');
    await vi.waitFor(() => expect(pipeline.stats).toMatchObject({ lost: 0, queued: 0 }));
    expect(pipeline.append(decisionRecord(1, 'loud'))).toBe(true);
    await pipeline.close();
    expect((await logged()).filter(({ kind }) => kind === 'gap')).toMatchObject([{ lost: 8 }]);
    expect(await verify()).toMatchObject({ ok: true, records: 60 });
  });
});

describe('a writer that dies', () => {
  it('ends acceptance for good, and its owner is told', async () => {
    const told = heard();
    const pipeline = await start({ fsync: 'always', onUnavailable: told.hear });
    stopProcess(pidOf(pipeline));
    pipeline.append(decisionRecord(1));
    const waiting = pipeline.written()?.catch((error: unknown) => error);
    process.kill(pidOf(pipeline), 'SIGKILL');
    expect(await told.detail).toContain('SIGKILL');
    expect(await waiting).toBeInstanceOf(StateUnusable);
    expect(pipeline.append(decisionRecord(2))).toBe(false);
    await expect(pipeline.written()).rejects.toThrow(StateUnusable);
    await expect(pipeline.close()).rejects.toThrow(StateUnusable);
    open.length = 0;
    await (await start()).close();
    expect((await logged()).map(({ kind }) => kind)).toEqual(['key', 'recovery']);
    expect(await verify()).toMatchObject({ ok: true });
  });

  it('is not trusted with one more call, although its end was not heard of yet', async () => {
    const pipeline = await start();
    process.kill(pidOf(pipeline), 'SIGKILL');
    // Without a turn of the event loop: the call that comes right after the last thread of it ended.
    const proc = `/proc/${pidOf(pipeline)}`;
    while (readdirSync(`${proc}/task`).length > 1 || !/\) Z /.test(readFileSync(`${proc}/stat`, 'utf8')));
    pipeline.append(decisionRecord(1));
    await expect(pipeline.written()).rejects.toThrow(StateUnusable);
  });

  it('does not die of a Ctrl-C that its sidecar handles', async () => {
    const pipeline = await start();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pidOf(pipeline), signal);
    pipeline.append(decisionRecord(1));
    await pipeline.close();
    expect(await verify()).toMatchObject({ ok: true, records: 2 });
  });
});

describe('a sidecar that is killed', () => {
  it('has lost no record whose call had left, and its log is gone on with', async () => {
    const code = `
      import { writeSync } from 'node:fs';
      import { AuditPipeline } from ${JSON.stringify(pathToFileURL(entryPoint('audit/pipeline.js')))};
      const [runDir, keyFile] = process.argv.slice(1);
      const pipeline = await AuditPipeline.start({ runDir, keyFile, origin: 'test/run', sidecarId: 'side car+1', fsync: 'checkpoint' });
      const record = ${JSON.stringify(decisionRecord(0))};
      let next = 0;
      const call = async () => {
        const event_id = String(next++);
        if (!pipeline.append({ ...record, event_id, session_id: event_id })) return;
        await pipeline.written();
        writeSync(1, event_id + '\\n');
      };
      const agent = () => call().then(() => setImmediate(agent));
      for (let agents = 0; agents < 20; agents++) agent();
    `;
    const sidecar = spawn(process.execPath, ['--input-type=module', '-e', code, runDir, keyFile], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(sidecar);
    const left: string[] = [];
    const killed = once(sidecar, 'exit');
    for await (const id of createInterface({ input: sidecar.stdout })) {
      left.push(id);
      if (left.length === 3_000) sidecar.kill('SIGKILL');
    }
    await killed;
    // Waits for the writer, which is still finishing what it was handed.
    await (await start()).close();
    const records = await logged();
    const ids = new Set(records.map((record) => record.event_id));
    expect(left.length).toBeGreaterThanOrEqual(3_000);
    expect(left.filter((id) => !ids.has(id))).toEqual([]);
    expect(records.at(-1)).toMatchObject({ kind: 'recovery', discarded_bytes: 0 });
    expect(await verify()).toMatchObject({ ok: true, uncovered: 0 });
    expect(await isInUse(runDir)).toBe(false);
  });
});

describe('a start', () => {
  it('is refused while another writer has the directory', async () => {
    const first = await start();
    const refusal: unknown = await start().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(StartFailed);
    expect(String(refusal)).toContain(`in use by the writer process ${pidOf(first)}`);
    expect(first.append(decisionRecord(1))).toBe(true);
    await first.close();
    await (await start()).close();
    expect(await verify()).toMatchObject({ ok: true });
  });

  it('is refused with a signing key that others can read', async () => {
    await (await start()).close();
    chmodSync(keyFile, 0o644);
    const refusal: unknown = await start().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(StartFailed);
    expect(String(refusal)).toContain('0644');
  });
});

describeTools('a disk that is full', ['prlimit'], () => {
  it('stops acceptance until there is room again; nothing accepted is lost', async () => {
    const told = heard();
    const pipeline = await start({ onUnavailable: told.hear });
    pipeline.append(decisionRecord(0));
    await vi.waitFor(() => expect(pipeline.stats.queued).toBe(0));
    const limit = (bytes: string): void => {
      execFileSync('prlimit', ['--pid', String(pidOf(pipeline)), `--fsize=${bytes}:`]);
    };
    // Enough for a part of the next record: what was half written must not show afterwards.
    limit(String(statSync(join(runDir, 'events-0.jsonl')).size + 100));
    expect(pipeline.append(decisionRecord(1))).toBe(true);
    expect(await told.detail).toContain('EFBIG');
    expect(pipeline.append(decisionRecord(2))).toBe(false);
    await expect(pipeline.written()).rejects.toThrow(StateUnusable);
    limit('unlimited');
    await vi.waitFor(() => expect(pipeline.append(decisionRecord(3))).toBe(true));
    await pipeline.close();
    const records = await logged();
    expect(records.map(({ kind }) => kind)).toEqual(['key', 'decision', 'decision', 'gap', 'decision']);
    expect(records[3]?.lost).toBe(pipeline.stats.refused);
    expect(await verify()).toMatchObject({ ok: true, records: 5 });
  });
});
