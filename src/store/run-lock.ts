import { readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { StateUnusable } from '@firma/core';
import { withFileLock } from '../config/file-lock.ts';
import { readPrivateFile, replacePrivateFile } from '../config/private-file.ts';
import { isLiving, processId } from '../config/process-id.ts';

const LOCK_FILE = 'writer.lock';
const DRAIN_TIMEOUT_MS = 10_000;
const RETRY_MS = 20;

interface Holder {
  /** As `processId` gives them. */
  readonly writer: string;
  readonly parent: string;
  /** Device and inode of the directory: a copy of it is not locked. */
  readonly directory: string;
}

async function ownId(pid: number): Promise<string> {
  return (await processId(pid)) ?? `${pid}@`;
}

async function identifyDir(path: string): Promise<string> {
  const { dev, ino } = await stat(path, { bigint: true });
  return `${dev}:${ino}`;
}

async function liveHolder(text: string): Promise<Holder | undefined> {
  const [writer, parent, directory] = text.split('\n');
  if (writer === undefined || parent === undefined || directory === undefined) return undefined;
  return (await isLiving(writer)) ? { writer, parent, directory } : undefined;
}

/** Whether a writer has this very directory open, so that its files may grow at any time. */
export async function isInUse(runDir: string): Promise<boolean> {
  try {
    const holder = await liveHolder(await readFile(join(runDir, LOCK_FILE), 'utf8'));
    return holder !== undefined && holder.directory === (await identifyDir(runDir));
  } catch {
    return false;
  }
}

/**
 * Makes this process the one writer of a run directory. The lock of a process that ended is taken over; a writer
 * whose sidecar has died is waited for, because it is only finishing.
 *
 * @param parentPid the process this one writes for
 * @returns what gives the lock back
 * @throws StateUnusable where another writer has it
 */
export async function lockRun(runDir: string, parentPid: number): Promise<() => Promise<void>> {
  const path = join(runDir, LOCK_FILE);
  const own: Holder = {
    writer: await ownId(process.pid),
    parent: await ownId(parentPid),
    directory: await identifyDir(runDir),
  };
  const giveUpAt = Date.now() + DRAIN_TIMEOUT_MS;
  for (;;) {
    const holder = await withFileLock(`${path}.guard`, async () => {
      const live = await liveHolder((await readPrivateFile(path)) ?? '');
      if (live === undefined)
        await replacePrivateFile(path, `${own.writer}\n${own.parent}\n${own.directory}\n`);
      return live;
    });
    if (holder === undefined) return () => unlink(path);
    if (Date.now() > giveUpAt || (await isLiving(holder.parent))) {
      throw new StateUnusable(
        `is in use by the writer process ${Number.parseInt(holder.writer, 10)}; stop its sidecar, or use another directory`,
        { file: runDir },
      );
    }
    await wait(RETRY_MS);
  }
}
