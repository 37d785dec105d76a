import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { StateUnusable } from '@firma/core';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { serialize } from '../../src/audit/serialize.ts';
import { AuditPipeline } from '../../src/audit/pipeline.ts';
import { entryPoint } from '../../src/entry-point.ts';
import { toArgv } from '../../src/store/messages.ts';
import { encodeFrame, FRAME, MAX_RECORD_BYTES } from '../../src/store/state-frames.ts';
import { decisionRecord } from '../audit/sample-record.ts';
import { randomKey, recordOf, startRun, valueOf } from './run-with-state.ts';
import { scratchDir } from './scratch-dir.ts';
import { stopProcess } from '../audit/stop-process.ts';

let stateDir: string;

beforeEach(() => {
  stateDir = scratchDir();
});

/** The writer process without the sidecar's side: what a broken or dying sidecar sends. */
function spawnWriter(): {
  readonly log: Writable;
  readonly requests: Writable;
  readonly answers: Readable;
  readonly ready: Promise<unknown>;
  readonly exitCode: Promise<unknown>;
} {
  const args = {
    runDir: join(stateDir, 'run'),
    keyFile: join(stateDir, 'log.key'),
    origin: 'test/run',
    sidecarId: 'side car+1',
    fsync: 'checkpoint',
    state: 'open',
  } as const;
  const child = spawn(process.execPath, [entryPoint('store/writer-process.js'), ...toArgv(args)], {
    stdio: ['pipe', 'pipe', 'ignore', 'pipe', 'pipe'],
  });
  const [log, messages, , requests, answers] = child.stdio;
  if (log === null || messages === null) throw new Error('no pipes');
  if (!(requests instanceof Writable) || !(answers instanceof Readable)) throw new Error('no pipes');
  const exitCode = once(child, 'exit').then(([code]) => Number(code));
  return { log, requests, answers, ready: once(messages, 'data'), exitCode };
}

describe('the state store', () => {
  it('gives back what was saved last, also after a restart', async () => {
    const { pipeline, state } = await startRun(stateDir);
    const [key, other] = [randomKey(), randomKey()];
    expect(await state.load(key)).toBeUndefined();
    await state.save(key, recordOf(1));
    await state.save(other, new Uint8Array(0));
    await state.save(key, recordOf(2));
    expect(valueOf(await state.load(key))).toBe(2);
    await pipeline.close();
    const again = await startRun(stateDir, { fsync: 'always' });
    expect(valueOf(await again.state.load(key))).toBe(2);
    expect(await again.state.load(other)).toEqual(new Uint8Array(0));
    await again.state.save(key, recordOf(3));
    expect(valueOf(await again.state.load(key))).toBe(3);
  });

  it('has a load see every save before it and none after it', async () => {
    const { state } = await startRun(stateDir);
    const keys = Array.from({ length: 5 }, randomKey);
    const seen: Promise<number>[] = [];
    const wanted: number[] = [];
    const saved: Promise<void>[] = [];
    for (let i = 0; i < 3_000; i++) {
      const key = keys[i % 5] ?? '';
      saved.push(state.save(key, recordOf(i)));
      if (i % 7 !== 0) continue;
      seen.push(state.load(key).then(valueOf));
      wanted.push(i);
    }
    expect(await Promise.all(seen)).toEqual(wanted);
    await Promise.all(saved);
    expect(await Promise.all(keys.map(async (key) => valueOf(await state.load(key))))).toEqual([
      2995, 2996, 2997, 2998, 2999,
    ]);
  });

  it('copies a record before it returns', async () => {
    const { state } = await startRun(stateDir);
    const [key, record] = [randomKey(), recordOf(1)];
    const saved = state.save(key, record);
    record.fill(9);
    await saved;
    expect(valueOf(await state.load(key))).toBe(1);
  });

  it('is its owner’s alone', async () => {
    await startRun(stateDir);
    const mode = (...path: string[]): number =>
      statSync(join(stateDir, 'run', 'store', ...path)).mode & 0o777;
    expect(mode()).toBe(0o700);
    expect(mode('data.mdb')).toBe(0o600);
    expect(mode('lock.mdb')).toBe(0o600);
  });

  it('is not there where none is asked for', async () => {
    const runDir = join(stateDir, 'run');
    const pipeline = await AuditPipeline.start({
      runDir,
      keyFile: join(stateDir, 'log.key'),
      origin: 'test/run',
      sidecarId: 's',
      fsync: 'checkpoint',
    });
    expect(pipeline.state).toBeUndefined();
    await pipeline.close();
    expect(existsSync(join(runDir, 'store'))).toBe(false);
  });

  it('takes what was handed over before it is closed, and nothing afterwards', async () => {
    const { pipeline, state } = await startRun(stateDir);
    const key = randomKey();
    const saved = state.save(key, recordOf(1));
    await state.close();
    await saved;
    await expect(state.save(key, recordOf(2))).rejects.toThrow(StateUnusable);
    expect(pipeline.append(decisionRecord(1))).toBe(true);
    await pipeline.close();
    const again = await startRun(stateDir);
    expect(valueOf(await again.state.load(key))).toBe(1);
  });

  it('is not held up by the log, nor the log by it', async () => {
    const { pipeline, state } = await startRun(stateDir);
    const saved: Promise<void>[] = [];
    const keys = Array.from({ length: 50_000 }, randomKey);
    let settled = 0;
    for (const [i, key] of keys.entries())
      saved.push(state.save(key, recordOf(i)).then(() => void settled++));
    expect(pipeline.append(decisionRecord(1))).toBe(true);
    await pipeline.written();
    expect(settled).toBeLessThan(40_000);
    for (let i = 2; i < 1_000; i++) expect(pipeline.append(decisionRecord(i, `session-${i}`))).toBe(true);
    await Promise.all(saved);
    await pipeline.written();
    const last = await Promise.all(keys.slice(-100).map(async (key) => valueOf(await state.load(key))));
    expect(last).toEqual(Array.from({ length: 100 }, (_, i) => 49_900 + i));
  });
});

describe('a sidecar that asks for too much', () => {
  it('is refused a key and a record that are none', async () => {
    const { state } = await startRun(stateDir);
    for (const key of [
      '',
      'x'.repeat(32),
      `${randomKey()}00`,
      randomKey().toUpperCase().replace(/\d/g, 'A'),
    ]) {
      await expect(state.load(key)).rejects.toThrow('32 hexadecimal digits');
    }
    await expect(state.save(randomKey(), new Uint8Array(MAX_RECORD_BYTES + 1))).rejects.toThrow(
      'longer than',
    );
    const key = randomKey();
    await state.save(key, new Uint8Array(MAX_RECORD_BYTES).fill(7));
    expect(await state.load(key)).toHaveLength(MAX_RECORD_BYTES);
  });

  it('is refused what the queue does not hold, and served again', async () => {
    const { state, writerPid } = await startRun(stateDir);
    stopProcess(writerPid);
    const key = randomKey();
    const asked = Array.from({ length: 131_072 }, () => state.load(key));
    await expect(state.load(key)).rejects.toThrow('too many requests');
    process.kill(writerPid, 'SIGCONT');
    await Promise.all(asked);
    expect(await state.load(key)).toBeUndefined();
  });

  it('that sends what is no frame loses the store, and the log goes on', async () => {
    const writer = spawnWriter();
    await writer.ready;
    const answersEnd = once(writer.answers.resume(), 'close');
    writer.requests.write(Buffer.alloc(64, 0xff));
    await answersEnd;
    writer.log.end(serialize(decisionRecord(1)));
    expect(await writer.exitCode).toBe(0);
  });
});

describe('a writer that cannot answer', () => {
  it('is waited for five seconds and no longer', async () => {
    const { state, writerPid } = await startRun(stateDir);
    stopProcess(writerPid);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let gaveUp = false;
      const saving = state.save(randomKey(), recordOf(1)).catch((error: unknown) => {
        gaveUp = error instanceof StateUnusable;
      });
      await vi.advanceTimersByTimeAsync(4_999);
      expect(gaveUp).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await saving;
      expect(gaveUp).toBe(true);
    } finally {
      vi.useRealTimers();
      process.kill(writerPid, 'SIGCONT');
    }
    // The late answer to the first one is nobody's.
    const key = randomKey();
    await state.save(key, recordOf(2));
    expect(valueOf(await state.load(key))).toBe(2);
  });

  it('has everything that waits for it refused when it ends', async () => {
    const { pipeline, state, writerPid } = await startRun(stateDir);
    stopProcess(writerPid);
    const waiting = [state.save(randomKey(), recordOf(1)), state.load(randomKey())];
    process.kill(writerPid, 'SIGKILL');
    for (const request of waiting) await expect(request).rejects.toThrow(StateUnusable);
    await expect(state.save(randomKey(), recordOf(1))).rejects.toThrow('it has ended');
    await expect(state.close()).rejects.toThrow('not closed cleanly');
    await expect(pipeline.close()).rejects.toThrow(StateUnusable);
  });
});

describe('a sidecar that dies', () => {
  it('has every request applied that it had handed over whole, although nobody hears the answers', async () => {
    const writer = spawnWriter();
    await writer.ready;
    const keys = Array.from({ length: 2_000 }, randomKey);
    writer.answers.destroy();
    const frames = keys.map((key, i) => encodeFrame(FRAME.save, i, Buffer.from(key, 'hex'), recordOf(i)));
    const torn = encodeFrame(FRAME.save, 1, Buffer.from(keys[0] ?? '', 'hex'), recordOf(7)).subarray(0, -1);
    writer.requests.end(Buffer.concat([...frames, torn]));
    writer.log.end();
    expect(await writer.exitCode).toBe(0);
    const { state } = await startRun(stateDir);
    const values = await Promise.all(keys.map(async (key) => valueOf(await state.load(key))));
    expect(values).toEqual(keys.map((_, i) => i));
  });
});
