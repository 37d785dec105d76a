// Files and directories that belong to one user alone: keys, trust records, state.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { StateUnusable } from '@firma/core';

/** Longest key file; PEM keys are below 4 KiB. */
const MAX_KEY_BYTES = 64 * 1024;

/** The code of an error: the system's (`ENOENT`), or a `FirmaError`'s. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The refusal for an operation of the file system that failed. */
export function stateUnusable(what: string, error: unknown, file: string): StateUnusable {
  return new StateUnusable(`${what} (${errorCode(error) ?? 'unknown error'})`, { file });
}

function assertPrivate(path: string, mode: number, uid: number, wanted: string): void {
  if (process.getuid !== undefined && uid !== process.getuid()) {
    throw new StateUnusable(`is owned by user ${uid}; it must belong to the user who runs this`, {
      file: path,
    });
  }
  if ((mode & 0o077) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    throw new StateUnusable(
      `has mode ${octal}, so it is not its owner's alone; run \`chmod ${wanted} ${path}\` and replace what was in it`,
      { file: path },
    );
  }
}

/**
 * Whether a directory is there and its owner's alone (0700).
 *
 * @returns false where nothing is at the path
 * @throws StateUnusable where it is another user's, open to others, or no directory (a link to one is none)
 */
export async function isPrivateDir(path: string): Promise<boolean> {
  let facts;
  try {
    facts = await lstat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw stateUnusable('cannot be read', error, path);
  }
  if (!facts.isDirectory()) throw new StateUnusable('is no directory', { file: path });
  assertPrivate(path, facts.mode, facts.uid, '700');
  return true;
}

/**
 * Makes sure a directory exists and is its owner's alone (0700).
 *
 * @throws StateUnusable as `isPrivateDir`, and where it cannot be made
 */
export async function ensurePrivateDir(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw stateUnusable('cannot be made', error, path);
  }
  await isPrivateDir(path);
}

/**
 * Reads a file that is its owner's alone (0600).
 *
 * @returns undefined where nothing is at the path
 * @throws StateUnusable where it is another user's, open to others, no regular file (a link is none) or too long
 */
export async function readPrivateFile(path: string, maxBytes = MAX_KEY_BYTES): Promise<string | undefined> {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (errorCode(error) === 'ELOOP') throw new StateUnusable('is no regular file', { file: path });
    throw stateUnusable('cannot be read', error, path);
  }
  try {
    const facts = await handle.stat();
    if (!facts.isFile()) throw new StateUnusable('is no regular file', { file: path });
    if (facts.size > maxBytes) throw new StateUnusable(`is longer than ${maxBytes} bytes`, { file: path });
    assertPrivate(path, facts.mode, facts.uid, '600');
    return await handle.readFile('utf8');
  } catch (error) {
    if (error instanceof StateUnusable) throw error;
    throw stateUnusable('cannot be read', error, path);
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file of mode 0600 beside `path`, whole and on disk, for the caller to move into place.
 *
 * @returns the path of the draft
 */
export async function writeDraft(path: string, text: string): Promise<string> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(draft, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw stateUnusable('cannot be written', error, path);
  }
  return draft;
}

/** Replaces a file of mode 0600 in one step: a reader sees the old text or the new one, whole. */
export async function replacePrivateFile(path: string, text: string): Promise<void> {
  const draft = await writeDraft(path, text);
  try {
    await rename(draft, path);
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw stateUnusable('cannot be written', error, path);
  }
}
