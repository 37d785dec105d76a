import { link, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StateUnusable } from '@firma/core';
import { ensurePrivateDir, errorCode, readPrivateFile, stateUnusable, writeDraft } from './private-file.ts';

export { ensurePrivateDir } from './private-file.ts';

/**
 * Reads a key file, making it first where it is absent: written whole, synced, then linked into place, so that
 * two processes that start at once agree on one key and a crash leaves none behind.
 *
 * @throws StateUnusable where the file is another user's, readable by others, or unreadable
 */
export async function loadOrCreateKeyFile(
  path: string,
  create: () => string | Promise<string>,
): Promise<string> {
  const existing = await readPrivateFile(path);
  if (existing !== undefined) return existing;
  await ensurePrivateDir(dirname(path));
  const draft = await writeDraft(path, await create());
  try {
    await link(draft, path);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw stateUnusable('cannot be written', error, path);
  } finally {
    await unlink(draft);
  }
  const stored = await readPrivateFile(path);
  if (stored === undefined) throw new StateUnusable('vanished while it was made', { file: path });
  return stored;
}
