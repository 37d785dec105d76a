import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LogInvalid, StateUnusable } from '@firma/core';
import type { LogReport } from '@firma/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { AuditPipeline } from '../../src/audit/pipeline.ts';
import { findLogs, readLog } from '../../src/audit/read-log.ts';
import { verifyRunLog } from '../../src/audit/verify-run.ts';
import { verifierKeyPath } from '../../src/store/signing-key.ts';
import { scratchDir } from '../store/scratch-dir.ts';
import { eventIdOf } from './sample-log.ts';
import { decisionRecord } from './sample-record.ts';

let stateDir: string;
let runDir: string;
let verifierKey: string;
let lastCheckpoint: string;

beforeEach(async () => {
  stateDir = scratchDir();
  runDir = join(stateDir, 'runs', 'b');
  const keyFile = join(stateDir, 'log.key');
  const pipeline = await AuditPipeline.start({
    runDir,
    keyFile,
    origin: 'test/b',
    sidecarId: 'sidecar',
    fsync: 'checkpoint',
  });
  for (let i = 1; i <= 10; i++) pipeline.append(decisionRecord(i, `session-${i}`));
  await pipeline.close();
  verifierKey = readFileSync(verifierKeyPath(keyFile), 'utf8');
  lastCheckpoint = `${readFileSync(join(runDir, 'checkpoints'), 'utf8').trimEnd().split('\n\n').slice(-2).join('\n\n')}\n`;
});

/** Verifies a copy of the run in which a file was changed. */
async function verifyCopy(change: (copy: string) => void, knownCheckpoint?: string): Promise<LogReport> {
  const copy = join(stateDir, 'copy');
  rmSync(copy, { recursive: true, force: true });
  cpSync(runDir, copy, { recursive: true });
  change(copy);
  return verifyRunLog(copy, { verifierKey, knownCheckpoint });
}

function editLines(edit: (lines: string[]) => string[]): (copy: string) => void {
  return (copy) => {
    const file = join(copy, 'events-0.jsonl');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    writeFileSync(file, `${edit(lines).join('\n')}\n`);
  };
}

/** Cuts the log back to its first checkpoint. */
function cutTail(copy: string): void {
  editLines((lines) => lines.slice(0, 1))(copy);
  const checkpoints = join(copy, 'checkpoints');
  const notes = readFileSync(checkpoints, 'utf8');
  writeFileSync(checkpoints, notes.slice(0, notes.indexOf('\n\n', notes.indexOf('\n\n') + 2) + 2));
}

describe('verifyRunLog', () => {
  it('accepts the log as it was written', async () => {
    expect(await verifyCopy(() => {}, lastCheckpoint)).toEqual({
      ok: true,
      records: 11,
      covered: 11,
      uncovered: 0,
      checkpoints: 2,
      problems: [],
    });
  });

  it('names the event in which one byte was changed', async () => {
    const { ok, problems } = await verifyCopy(
      editLines((lines) => lines.with(4, lines[4]?.replace('"ALLOW"', '"ALLOV"') ?? '')),
    );
    expect(ok).toBe(false);
    expect(problems).toMatchObject([{ seq: 4, event_id: eventIdOf(4), kind: 'changed' }]);
  });

  it('narrows it to its checkpoint interval where the file of leaf hashes was cut as well', async () => {
    const { problems } = await verifyCopy((copy) => {
      editLines((lines) => lines.with(4, lines[4]?.replace('"ALLOW"', '"ALLOV"') ?? ''))(copy);
      truncateSync(join(copy, 'events-0.hashes'), 4 * 32);
    });
    expect(problems).toMatchObject([{ seq: 1, event_id: null, kind: 'changed' }]);
  });

  it('rejects a removed line and two lines swapped', async () => {
    const removed = await verifyCopy(editLines((lines) => lines.toSpliced(4, 1)));
    expect(removed.problems).toMatchObject([{ seq: 4, kind: 'removed' }]);
    const swapped = await verifyCopy(
      editLines((lines) => lines.with(4, lines[5] ?? '').with(5, lines[4] ?? '')),
    );
    expect(swapped.problems).toMatchObject([{ seq: 4, event_id: eventIdOf(4), kind: 'reordered' }]);
    expect([removed.ok, swapped.ok]).toEqual([false, false]);
  });

  it('rejects a cut tail when given the last checkpoint', async () => {
    expect((await verifyCopy(cutTail)).ok).toBe(true);
    const { ok, problems } = await verifyCopy(cutTail, lastCheckpoint);
    expect(ok).toBe(false);
    expect(problems).toMatchObject([{ seq: 1, kind: 'removed', detail: 'records 1 to 10 are missing' }]);
  });

  it('says what cannot be verified at all', async () => {
    await expect(verifyRunLog(stateDir, { verifierKey })).rejects.toThrow(StateUnusable);
    await expect(verifyRunLog(runDir, { verifierKey: 'no key' })).rejects.toThrow(LogInvalid);
  });
});

describe('findLogs and readLog', () => {
  it('find every run that has a log, and read it', async () => {
    cpSync(runDir, join(stateDir, 'runs', 'a'), { recursive: true });
    cpSync(join(stateDir, 'log.key'), join(stateDir, 'runs', 'empty', 'file'), { recursive: true });
    expect((await findLogs(stateDir)).map(({ runId }) => runId)).toEqual(['a', 'b']);
    expect(await findLogs(join(stateDir, 'nowhere'))).toEqual([]);
    const kinds: unknown[] = [];
    for await (const text of readLog(runDir)) kinds.push(JSON.parse(text).kind);
    expect(kinds).toEqual(['key', ...Array.from({ length: 10 }, () => 'decision')]);
  });
});
