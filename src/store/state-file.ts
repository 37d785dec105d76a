import { lstat, open, rename } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { StateUnusable } from '@firma/core';
import { ensurePrivateDir, errorCode, stateUnusable } from '../config/private-file.ts';
import { StateFault } from './state-fault.ts';

// Layout of a meta page of lmdb-js 3.5 (mdb.c, MDB_page and MDB_meta) on 64-bit machines of little endian.
const META_BYTES = 160;
const FLAGS_AT = 18;
const MAGIC_AT = 24;
const VERSION_AT = 28;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const P_META = 0x08;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;

/** The refusal for a store that cannot be gone on with. */
export function damagedStore(dir: string, what: string): StateUnusable {
  return new StateUnusable(
    `the state store ${what}; start with \`--reset-state\` to move it aside and begin an empty one`,
    { file: dir },
  );
}

async function readMeta(file: FileHandle, at: number): Promise<Buffer> {
  const meta = Buffer.alloc(META_BYTES);
  const { bytesRead } = await file.read(meta, 0, META_BYTES, at);
  const isMeta =
    bytesRead === META_BYTES &&
    (meta.readUInt16LE(FLAGS_AT) & P_META) !== 0 &&
    meta.readUInt32LE(MAGIC_AT) === MAGIC &&
    (meta.readUInt32LE(VERSION_AT) & 0xffff) === DATA_VERSION;
  if (!isMeta) throw new StateFault('is damaged: its file does not begin as one');
  return meta;
}

async function fillUp(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  // The first thing lmdb writes is both meta pages: a crash before that leaves an empty file.
  if (size === 0) return;
  const first = await readMeta(file, 0);
  const pageSize = first.readUInt32LE(PAGE_SIZE_AT);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) {
    throw new StateFault('is damaged: it has no page size');
  }
  const second = await readMeta(file, pageSize);
  for (const meta of [first, second]) {
    const bytes = (meta.readBigUInt64LE(LAST_PAGE_AT) + 1n) * BigInt(pageSize);
    if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw new StateFault('is damaged: it has no length');
    if (bytes > BigInt((await file.stat()).size)) await file.truncate(Number(bytes));
  }
}

async function prepareDataFile(dir: string): Promise<void> {
  const path = join(dir, 'data.mdb');
  let file: FileHandle;
  try {
    file = await open(path, 'r+');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw stateUnusable('cannot be opened', error, path);
  }
  try {
    await fillUp(file);
  } catch (error) {
    if (error instanceof StateFault) throw error;
    throw stateUnusable('cannot be read', error, path);
  } finally {
    await file.close();
  }
}

/** Moves a store to `<dir>.broken-<milliseconds>`: nothing is deleted. @returns where it is then */
export async function moveAside(dir: string): Promise<string> {
  const aside = `${dir}.broken-${Date.now()}`;
  try {
    await rename(dir, aside);
  } catch (error) {
    throw stateUnusable('cannot be moved aside', error, dir);
  }
  return aside;
}

/** Whose the directory is, where it is there: of a key the advice would be another one. */
async function assertOwn(dir: string): Promise<void> {
  let facts;
  try {
    facts = await lstat(dir);
  } catch {
    // `ensurePrivateDir` says why.
    return;
  }
  const otherwise = `or move it away to begin an empty store`;
  if (process.getuid !== undefined && facts.uid !== process.getuid()) {
    throw new StateUnusable(
      `the state store belongs to user ${facts.uid}; give it to the user who runs this, ${otherwise}`,
      { file: dir },
    );
  }
  if (facts.isDirectory() && (facts.mode & 0o077) !== 0) {
    const mode = (facts.mode & 0o777).toString(8).padStart(4, '0');
    throw new StateUnusable(
      `the state store has mode ${mode}, so others may have changed what was used; run \`chmod 700 ${dir}\` where they have not, ${otherwise}`,
      { file: dir },
    );
  }
}

/**
 * Makes the directory of a store ready, mode 0700, and looks at its file before lmdb maps it: a page behind the end would
 * kill the process.
 *
 * Pages may be missing at the end of a sound file, where they are free. So they are filled with zeros: lmdb sees that
 * they are no pages where the tree has one of them.
 *
 * @throws StateFault where it is no store of this kind or its beginning is cut off, StateUnusable where it cannot be
 *   read or is not the user's alone
 */
export async function prepareStore(dir: string): Promise<void> {
  await assertOwn(dir);
  await ensurePrivateDir(dir);
  await prepareDataFile(dir);
}
