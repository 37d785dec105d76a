import { readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { StateUnusable } from '@firma/core';
import { withFileLock } from '../config/file-lock.ts';
import { errorCode, readPrivateFile, replacePrivateFile } from '../config/private-file.ts';

const LOCK_FILE = 'writer.lock';
const DRAIN_TIMEOUT_MS = 10_000;
const RETRY_MS = 20;

/** A process, told apart from a later one that got the same number by when it started. */
interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot; empty where the system does not say. */
  readonly started: string;
}

interface Holder {
  readonly writer: ProcessId;
  readonly parent: ProcessId;
  /** Device and inode of the directory: a copy of it is not locked. */
  readonly directory: string;
}

async function identify(pid: number): Promise<ProcessId | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The process's name stands in parentheses and may hold anything; the state follows it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const isDead = fields[0] === 'Z' || fields[0] === 'X';
    return isDead ? undefined : { pid, started: fields[19] ?? '' };
  } catch {
    // No such process, or no such file system: then the number alone has to do.
  }
  if (process.platform === 'linux') return undefined;
  try {
    process.kill(pid, 0);
    return { pid, started: '' };
  } catch (error) {
    return errorCode(error) === 'ESRCH' ? undefined : { pid, started: '' };
  }
}

async function isAlive(id: ProcessId): Promise<boolean> {
  const now = await identify(id.pid);
  return now !== undefined && now.started === id.started;
}

function formatHolder({ writer, parent, directory }: Holder): string {
  return `${writer.pid} ${writer.started}\n${parent.pid} ${parent.started}\n${directory}\n`;
}

function parseId(line: string | undefined): ProcessId | undefined {
  const [pid, started] = (line ?? '').split(' ');
  return pid !== undefined && started !== undefined && /^[1-9][0-9]{0,9}$/.test(pid)
    ? { pid: Number(pid), started }
    : undefined;
}

async function identifyDir(path: string): Promise<string> {
  const { dev, ino } = await stat(path, { bigint: true });
  return `${dev}:${ino}`;
}

async function liveHolder(text: string): Promise<Holder | undefined> {
  const [first, second, directory] = text.split('\n');
  const writer = parseId(first);
  const parent = parseId(second);
  if (writer === undefined || parent === undefined || directory === undefined) return undefined;
  return (await isAlive(writer)) ? { writer, parent, directory } : undefined;
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
    writer: (await identify(process.pid)) ?? { pid: process.pid, started: '' },
    parent: (await identify(parentPid)) ?? { pid: parentPid, started: '' },
    directory: await identifyDir(runDir),
  };
  const giveUpAt = Date.now() + DRAIN_TIMEOUT_MS;
  for (;;) {
    const holder = await withFileLock(`${path}.guard`, async () => {
      const live = await liveHolder((await readPrivateFile(path)) ?? '');
      if (live === undefined) await replacePrivateFile(path, formatHolder(own));
      return live;
    });
    if (holder === undefined) return () => unlink(path);
    if (Date.now() > giveUpAt || (await isAlive(holder.parent))) {
      throw new StateUnusable(
        `is in use by the writer process ${holder.writer.pid}; stop its sidecar, or use another directory`,
        { file: runDir },
      );
    }
    await wait(RETRY_MS);
  }
}
