import { randomBytes } from 'node:crypto';
import { link, readFile, rename, unlink } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { StateUnusable } from '@firma/core';
import { errorCode, stateUnusable, writeDraft } from './private-file.ts';
import { isLiving, processId } from './process-id.ts';

const RETRY_MS = 20;
const GIVE_UP_MS = 10_000;

/** The text of a lock: who holds it, and a name for this one holding of it. */
async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw stateUnusable('cannot be read', error, path);
  }
}

function isHeld(lock: string): Promise<boolean> {
  const [holder = ''] = lock.split(' ');
  return isLiving(holder);
}

async function tryLink(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw stateUnusable('cannot be locked', error, path);
  }
}

/**
 * Puts the draft in the place of a lock whose holder died.
 *
 * INVARIANT: a dead lock is replaced only under the lock that bears its name, and only while it still stands there.
 * So of many that find it dead one goes on, also where it is then the next to die.
 */
async function takeOver(draft: string, path: string, dead: string): Promise<boolean> {
  const [, name] = dead.split(' ');
  if (name === undefined || !/^[0-9a-f]{16}$/.test(name)) {
    throw new StateUnusable('is no lock; remove it', { file: path });
  }
  return withFileLock(`${path}.${name}`, async () => {
    if ((await readLock(path)) !== dead) return false;
    await rename(draft, path);
    return true;
  });
}

async function acquire(draft: string, path: string): Promise<void> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (;;) {
    if (await tryLink(draft, path)) return;
    const lock = await readLock(path);
    if (lock !== undefined && !(await isHeld(lock))) {
      if (await takeOver(draft, path, lock)) return;
    } else if (Date.now() > giveUpAt) {
      throw new StateUnusable('is held by another process; try again', { file: path });
    } else {
      await wait(RETRY_MS);
    }
  }
}

/**
 * Runs `work` while holding the lock file at `path`, alone among all processes of this machine; a lock whose holder
 * died is taken over.
 *
 * @throws StateUnusable where another process holds it for ten seconds
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const holder = (await processId(process.pid)) ?? `${process.pid}@`;
  const draft = await writeDraft(path, `${holder} ${randomBytes(8).toString('hex')}`);
  try {
    await acquire(draft, path);
  } finally {
    await unlink(draft).catch(() => undefined);
  }
  try {
    return await work();
  } finally {
    await unlink(path);
  }
}
