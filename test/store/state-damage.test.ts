import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { StateUnusable } from '@firma/core';
import { open } from 'lmdb';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { entryPoint } from '../../src/entry-point.ts';
import { toArgv } from '../../src/store/messages.ts';
import { decisionRecord } from '../audit/sample-record.ts';
import { describeTools } from '../tools.ts';
import { randomKey, recordOf, startRun, valueOf } from './run-with-state.ts';
import type { Run } from './run-with-state.ts';
import { scratchDir } from './scratch-dir.ts';

const PAGE = 4096;
const RECORDS = 500;

interface Filled {
  readonly keys: readonly string[];
  readonly data: Buffer;
}

let filled: Filled;
let stateDir: string;
let storeDir: string;
let dataFile: string;

beforeAll(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'firma-test-'));
  try {
    const { pipeline, state } = await startRun(dir);
    const keys = Array.from({ length: RECORDS }, randomKey);
    await Promise.all(keys.map((key, i) => state.save(key, recordOf(i))));
    await pipeline.close();
    filled = { keys, data: readFileSync(join(dir, 'run', 'store', 'data.mdb')) };
  } finally {
    rmSync(dir, { recursive: true });
  }
});

beforeEach(() => {
  stateDir = scratchDir();
  storeDir = join(stateDir, 'run', 'store');
  dataFile = join(storeDir, 'data.mdb');
  mkdirSync(storeDir, { recursive: true, mode: 0o700 });
  writeFileSync(dataFile, filled.data);
});

async function refusal(): Promise<unknown> {
  return startRun(stateDir).then(
    () => undefined,
    (error: unknown) => error,
  );
}

function setAside(): string[] {
  return readdirSync(join(stateDir, 'run')).filter((name) => name.startsWith('store.'));
}

type Damage = readonly [name: string, change: (data: Buffer, keys: readonly string[]) => Buffer];

/** Where a key stands in the file: in its page, and maybe in older copies of that. */
function placesOf(data: Buffer, key: string | undefined): number[] {
  const places: number[] = [];
  const bytes = Buffer.from(key ?? '', 'hex');
  for (let at = data.indexOf(bytes); at !== -1; at = data.indexOf(bytes, at + 1)) places.push(at);
  expect(places).not.toEqual([]);
  return places;
}

/** Flips a bit so many bytes behind the beginning of a key. */
function flipped(data: Buffer, key: string | undefined, distance: number): Buffer {
  for (const place of placesOf(data, key)) data[place + distance] = (data[place + distance] ?? 0) ^ 1;
  return data;
}

/** The same in every run. */
function garbage(length: number): Buffer {
  const pieces: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) pieces.push(createHash('sha256').update(String(i)).digest());
  return Buffer.concat(pieces).subarray(0, length);
}

function changed(data: Buffer, at: number, value: Uint8Array): Buffer {
  data.set(value, at);
  return data;
}

const DAMAGES: readonly Damage[] = [
  ['is garbage', (data) => garbage(data.length)],
  ['is a text', () => Buffer.from('x'.repeat(3 * PAGE))],
  ['is zeros', (data) => Buffer.alloc(data.length)],
  ['ends in its first page', (data) => data.subarray(0, 100)],
  ['ends after its first page', (data) => data.subarray(0, PAGE)],
  ['ends after its meta pages', (data) => data.subarray(0, 2 * PAGE)],
  ['ends in the middle of a page', (data) => data.subarray(0, (data.length >> 1) + 77)],
  ['lost its last pages', (data) => data.subarray(0, -20 * PAGE)],
  ['has garbage behind its meta pages', (data) => changed(data, 2 * PAGE, garbage(data.length - 2 * PAGE))],
  ['has zeros behind its meta pages', (data) => data.fill(0, 2 * PAGE)],
  ['has a flipped bit in a record', (data, keys) => flipped(data, keys[0], 200)],
  ['has a flipped bit in a key', (data, keys) => flipped(data, keys[0], 15)],
  [
    'has another page size',
    (data) => changed(changed(data, 48, Buffer.from([3])), PAGE + 48, Buffer.from([3])),
  ],
];

describe('a store', () => {
  it.each(DAMAGES)('whose file %s is refused', async (_, change) => {
    writeFileSync(dataFile, change(Buffer.from(filled.data), filled.keys));
    const error = await refusal();
    expect(error).toBeInstanceOf(StateUnusable);
    expect(String(error)).toContain(`${storeDir}: the state store `);
    expect(String(error)).toContain('--reset-state');
    const { state } = await startRun(stateDir, { state: 'reset' });
    await state.save(randomKey(), recordOf(1));
    expect(await state.load(filled.keys[9] ?? '')).toBeUndefined();
    expect(setAside()).toHaveLength(1);
  });

  it('that is sound stays where it is, whatever is asked for', async () => {
    const { state } = await startRun(stateDir, { state: 'reset' });
    expect(valueOf(await state.load(filled.keys[9] ?? ''))).toBe(9);
    expect(setAside()).toEqual([]);
  });

  it('that is moved aside is named on standard error, in one line', async () => {
    writeFileSync(dataFile, 'no store');
    const args = {
      runDir: join(stateDir, 'run'),
      keyFile: join(stateDir, 'log.key'),
      origin: 'test/run',
      sidecarId: 's',
      fsync: 'checkpoint',
      state: 'reset',
    } as const;
    const stdio = ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] as const;
    const child = spawn(process.execPath, [entryPoint('store/writer-process.js'), ...toArgv(args)], {
      stdio: [...stdio],
    });
    const [log, , errors, requests] = child.stdio;
    if (log === null || !(errors instanceof Readable) || !(requests instanceof Writable))
      throw new Error('no pipes');
    requests.end();
    log.end();
    const lines = (await text(errors)).split('\n');
    expect(lines).toEqual([expect.stringMatching(/^firma: the state store is damaged: /), '']);
    expect(lines[0]).toContain(join(stateDir, 'run', setAside()[0] ?? 'none'));
  });

  it('that is refused is moved aside whole when that is asked for', async () => {
    writeFileSync(dataFile, 'no store');
    expect(await refusal()).toBeInstanceOf(StateUnusable);
    const { pipeline, state } = await startRun(stateDir, { state: 'reset' });
    const key = randomKey();
    await state.save(key, recordOf(1));
    await pipeline.close();
    const aside = setAside();
    expect(aside).toEqual([expect.stringMatching(/^store\.broken-\d{13}$/)]);
    expect(readFileSync(join(stateDir, 'run', aside[0] ?? '', 'data.mdb'), 'utf8')).toBe('no store');
    expect(valueOf(await (await startRun(stateDir)).state.load(key))).toBe(1);
  });

  it('of a newer format is refused, and left as it is', async () => {
    const db = open<Buffer, Buffer>({
      path: storeDir,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
    });
    const [key, format] = [Buffer.from([0]), Buffer.from([2])];
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32LE(crc32(format, crc32(key)));
    await db.put(key, Buffer.concat([checksum, format]));
    await db.close();
    const before = readFileSync(dataFile);
    const error = await refusal();
    expect(error).toBeInstanceOf(StateUnusable);
    expect(String(error)).toMatch(/: the state store has format 2, .*--reset-state/);
    expect(readFileSync(dataFile).equals(before)).toBe(true);
  });

  it('whose file is empty, as a crash at the first start leaves it, is begun', async () => {
    writeFileSync(dataFile, '');
    const { state } = await startRun(stateDir, { state: 'reset' });
    expect(await state.load(filled.keys[0] ?? '')).toBeUndefined();
    expect(setAside()).toEqual([]);
  });

  it('whose lock file is garbage is gone on with', async () => {
    const { keys } = filled;
    writeFileSync(join(storeDir, 'lock.mdb'), garbage(8_192));
    const { state } = await startRun(stateDir);
    expect(valueOf(await state.load(keys[7] ?? ''))).toBe(7);
  });

  it('that others can read is refused', async () => {
    chmodSync(storeDir, 0o755);
    const error = await refusal();
    expect(error).toBeInstanceOf(StateUnusable);
    expect(String(error)).toContain('mode 0755');
    expect(String(error)).toContain('begin an empty store');
    await expect(startRun(stateDir, { state: 'reset' })).rejects.toThrow('mode 0755');
    expect(setAside()).toEqual([]);
  });

  it('refuses a record that is damaged while it is open, and no other', async () => {
    const { keys } = filled;
    const { state } = await startRun(stateDir);
    // Into the same file: lmdb has it mapped.
    const file = openSync(dataFile, 'r+');
    writeSync(file, flipped(readFileSync(dataFile), keys[0], 200), 0);
    closeSync(file);
    await expect(state.load(keys[0] ?? '')).rejects.toThrow('checksum');
    expect(valueOf(await state.load(keys[1] ?? ''))).toBe(1);
  });
});

describeTools('a disk that is full', ['prlimit'], () => {
  function limit({ writerPid }: Run, bytes: string): void {
    execFileSync('prlimit', ['--pid', String(writerPid), `--fsize=${bytes}:`]);
  }

  it('refuses saves until there is room again; the log goes on, nothing is lost and nothing is half there', async () => {
    const { keys } = filled;
    const run = await startRun(stateDir);
    const { state, pipeline } = run;
    limit(run, String(statSync(dataFile).size));
    const more = Array.from({ length: RECORDS }, randomKey);
    for (let attempt = 0; attempt < 3; attempt++) {
      const refused = await Promise.allSettled(more.map((key) => state.save(key, recordOf(1))));
      expect(refused.every(({ status }) => status === 'rejected')).toBe(true);
      expect(valueOf(await state.load(keys[9] ?? ''))).toBe(9);
      expect(await state.load(more[0] ?? '')).toBeUndefined();
      expect(pipeline.append(decisionRecord(attempt))).toBe(true);
      await pipeline.written();
    }
    limit(run, 'unlimited');
    await Promise.all(more.map((key, i) => state.save(key, recordOf(i))));
    await pipeline.close();
    const again = await startRun(stateDir);
    expect(valueOf(await again.state.load(more[9] ?? ''))).toBe(9);
    expect(valueOf(await again.state.load(keys[8] ?? ''))).toBe(8);
  });
});
