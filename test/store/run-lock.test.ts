import { spawn } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StateUnusable } from '@firma/core';
import { describe, expect, it } from 'vitest';
import { isInUse, lockRun } from '../../src/store/run-lock.ts';
import { scratchDir } from './scratch-dir.ts';

async function endedPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid ?? 0;
}

describe('lockRun', () => {
  it('gives a directory to one writer at a time', async () => {
    const dir = scratchDir();
    const tries = await Promise.allSettled(Array.from({ length: 5 }, () => lockRun(dir, process.ppid)));
    const winners = tries.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(winners.length).toBe(1);
    const losers = tries.filter((result) => result.status === 'rejected');
    expect(losers.map(({ reason }) => reason instanceof StateUnusable)).toEqual([true, true, true, true]);
    expect(await isInUse(dir)).toBe(true);
    await winners[0]?.();
    expect(await isInUse(dir)).toBe(false);
    await (
      await lockRun(dir, process.ppid)
    )();
  });

  it('takes over from a process that ended, also where its number was given to another', async () => {
    const dir = scratchDir();
    const gone = await endedPid();
    const parent = readFileSync(`/proc/${process.ppid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19];
    for (const writer of [`${gone}@1`, `${process.pid}@1`, 'no process']) {
      writeFileSync(join(dir, 'writer.lock'), `${writer}\n${process.ppid}@${parent}\n1:1\n`, { mode: 0o600 });
      expect(await isInUse(dir)).toBe(false);
      await (
        await lockRun(dir, process.ppid)
      )();
    }
  });

  it('does not lock a copy of the directory', async () => {
    const dir = scratchDir();
    const unlock = await lockRun(dir, process.ppid);
    const copy = join(scratchDir(), 'copy');
    cpSync(dir, copy, { recursive: true });
    expect(await isInUse(copy)).toBe(false);
    expect(await isInUse(dir)).toBe(true);
    await unlock();
  });
});
