import { appendFileSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalize, formatVerifierKey, NotCanonical, StateUnusable } from '@firma/core';
import type { LogReport, NoteSigner } from '@firma/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { verifyRunLog } from '../../src/audit/verify-run.ts';
import { LogWriter } from '../../src/store/log-writer.ts';
import { loadSigningKey } from '../../src/store/signing-key.ts';
import { decisionRecord } from '../audit/sample-record.ts';
import { scratchDir } from './scratch-dir.ts';

let runDir: string;
let signer: NoteSigner;

beforeEach(async () => {
  const dir = scratchDir();
  runDir = dir;
  signer = await loadSigningKey(join(dir, 'log.key'), 'sidecar');
});

const open = (origin = 'sidecar/run'): Promise<LogWriter> =>
  LogWriter.open({ runDir, origin, sidecarId: 'sidecar', signer });
const verify = (): Promise<LogReport> => verifyRunLog(runDir, { verifierKey: formatVerifierKey(signer.key) });
const path = (name: string): string => join(runDir, name);
const lines = (): string[] => readFileSync(path('events-0.jsonl'), 'utf8').trimEnd().split('\n');
const record = (number: number): Record<string, unknown> => ({ ...decisionRecord(number) });

async function writeLog(records: number): Promise<void> {
  const log = await open();
  for (let i = 0; i < records; i++) log.add(record(i));
  await log.finish();
  log.close();
}

describe('a new log', () => {
  it('begins with the key and is under a checkpoint at once', async () => {
    const log = await open();
    const first: unknown = JSON.parse(lines()[0] ?? '');
    expect(first).toMatchObject({ kind: 'key', seq: 0, sidecar_id: 'sidecar' });
    const { kid, public_key } = first as { kid: string; public_key: string };
    expect(`${kid}+${public_key}`).toBe(formatVerifierKey(signer.key));
    expect(await verify()).toMatchObject({ ok: true, records: 1, covered: 1 });
    log.close();
  });

  it('has files that are their owner’s alone', async () => {
    await writeLog(3);
    for (const name of ['events-0.jsonl', 'events-0.hashes', 'checkpoints']) {
      expect(statSync(path(name)).mode & 0o777).toBe(0o600);
    }
  });

  it('numbers records whatever they say, and writes them canonically', async () => {
    const log = await open();
    log.add({ z: 1, seq: 77, a: 'x' });
    await log.finish();
    log.close();
    expect(lines()[1]).toBe('{"a":"x","seq":1,"z":1}');
  });

  it('signs a checkpoint every 1,000 records, so that no interval is longer', async () => {
    await writeLog(2_500);
    const sizes = readFileSync(path('checkpoints'), 'utf8').match(/^[0-9]+$/gm);
    expect(sizes).toEqual(['1', '1000', '2000', '2501']);
    expect(await verify()).toEqual({
      ok: true,
      records: 2_501,
      covered: 2_501,
      uncovered: 0,
      checkpoints: 4,
      problems: [],
    });
  });

  it('takes no record that has no canonical form or is too long, and loses no number for it', async () => {
    const log = await open();
    expect(() => log.add({ text: '\ud800' })).toThrow(NotCanonical);
    expect(() => log.add({ text: 'x'.repeat(70_000) })).toThrow(NotCanonical);
    log.add({ text: 'x'.repeat(65_000) });
    await log.finish();
    log.close();
    expect(await verify()).toMatchObject({ ok: true, records: 2 });
  });

  it('is the same for records that are not read because they are canonical', async () => {
    const log = await open();
    expect(log.addCanonical(Buffer.from('{"a":"x","z":1}'))).toBe(true);
    expect(log.addCanonical(Buffer.from('{"a":1,"b":2}'))).toBe(true);
    for (const left of [
      '{"z":1,"a":1}',
      '{"a":"é"}',
      '{"seq":9}',
      '[]',
      '',
      `{"a":"${'x'.repeat(65_520)}"}`,
    ]) {
      expect(log.addCanonical(Buffer.from(left))).toBe(false);
    }
    expect(log.addCanonical(Buffer.from(`{"a":"${'x'.repeat(65_000)}"}`))).toBe(true);
    for (let i = 4; i < 1_200; i++) {
      if (i % 3 === 0 || !log.addCanonical(Buffer.from(canonicalize(record(i))))) log.add(record(i));
      if (i % 50 === 0) log.write();
    }
    await log.finish();
    log.close();
    expect(lines().slice(1, 3)).toEqual(['{"a":"x","seq":1,"z":1}', '{"a":1,"b":2,"seq":2}']);
    const expected = Array.from({ length: 1_196 }, (_, i) => canonicalize({ ...record(i + 4), seq: i + 4 }));
    expect(lines().slice(4)).toEqual(expected);
    expect(await verify()).toMatchObject({ ok: true, records: 1_200, uncovered: 0 });
  });

  it('has no checkpoint over what is not written yet', async () => {
    const log = await open();
    for (let i = 0; i < 1_500; i++) log.add(record(i));
    await log.sync(true);
    expect(await verify()).toMatchObject({ ok: true, records: 1, checkpoints: 1 });
    log.write();
    await log.sync(false);
    expect(await verify()).toMatchObject({ ok: true, records: 1_501, covered: 1_000, uncovered: 501 });
    log.close();
  });
});

describe('a log that is there', () => {
  it('is gone on with, and says so', async () => {
    await writeLog(5);
    await writeLog(5);
    const recovery: unknown = JSON.parse(lines()[6] ?? '');
    expect(recovery).toMatchObject({
      kind: 'recovery',
      seq: 6,
      records: 6,
      discarded_bytes: 0,
      uncovered: 0,
    });
    expect(await verify()).toMatchObject({ ok: true, records: 12, uncovered: 0 });
  });

  it('loses a record that was not written to its end, and nothing else', async () => {
    const log = await open();
    log.add(record(1));
    log.write();
    log.close();
    appendFileSync(path('events-0.jsonl'), '{"half":');
    appendFileSync(path('checkpoints'), 'sidecar/run\n2\nAA');
    expect((await verify()).problems.map(({ kind }) => kind)).toEqual(['torn', 'torn']);
    await writeLog(0);
    const recovery: unknown = JSON.parse(lines()[2] ?? '');
    expect(recovery).toMatchObject({ kind: 'recovery', records: 2, discarded_bytes: 8, uncovered: 1 });
    expect(await verify()).toMatchObject({ ok: true, records: 3, uncovered: 0 });
  });

  it('gets its leaf hashes back where they are gone or wrong', async () => {
    await writeLog(5);
    for (const spoil of [
      (): void => rmSync(path('events-0.hashes')),
      (): void => writeFileSync(path('events-0.hashes'), 'x'.repeat(500)),
    ]) {
      const good = readFileSync(path('events-0.hashes'));
      spoil();
      await writeLog(0);
      expect(readFileSync(path('events-0.hashes')).subarray(0, good.length)).toEqual(good);
    }
  });

  it('begins anew where its making was cut off', async () => {
    await writeLog(0);
    truncateSync(path('checkpoints'), 0);
    await writeLog(1);
    expect(await verify()).toMatchObject({ ok: true, records: 2 });
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ kind: 'key', seq: 0 });
  });

  it('is not touched where it does not verify, is of another origin or signed with another key', async () => {
    await writeLog(5);
    const good = readFileSync(path('events-0.jsonl'));
    await expect(open('sidecar/another')).rejects.toThrow(StateUnusable);
    writeFileSync(path('events-0.jsonl'), good.toString().replace('ALLOW', 'DENYX'));
    const spoiled = readFileSync(path('events-0.jsonl'));
    await expect(open()).rejects.toThrow(StateUnusable);
    expect(readFileSync(path('events-0.jsonl'))).toEqual(spoiled);
    expect((await verify()).problems).toMatchObject([{ seq: 1, kind: 'changed' }]);
    writeFileSync(path('events-0.jsonl'), good);
    signer = await loadSigningKey(join(scratchDir(), 'log.key'), 'sidecar');
    await expect(open()).rejects.toThrow(StateUnusable);
  });

  it('is not begun anew where only its checkpoints are gone', async () => {
    await writeLog(5);
    rmSync(path('checkpoints'));
    await expect(open()).rejects.toThrow(StateUnusable);
  });
});
