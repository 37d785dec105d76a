import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdtemp, rename, rmdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { StartFailed } from '@firma/core';
import { errorCode } from '../config/private-file.ts';

// `sun_path` less its terminating NUL (unix(7)); other systems have less.
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** Whether somebody listens on a Unix socket. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.on('connect', () => {
      probe.destroy();
      resolve(true);
    });
    // Refused: its server is gone. Anything else is not ours to remove.
    probe.on('error', (error) => resolve(errorCode(error) !== 'ECONNREFUSED'));
  });
}

function failed(path: string, why: string): StartFailed {
  return new StartFailed(`cannot listen on the socket \`${path}\` (${why}); choose another \`socket\``);
}

async function removeStale(path: string): Promise<void> {
  let facts;
  try {
    facts = await lstat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw failed(path, errorCode(error) ?? 'unknown error');
  }
  if (!facts.isSocket()) throw failed(path, 'something that is no socket is there');
  if (await isServed(path)) throw failed(path, 'it is in use');
  await unlink(path);
}

/**
 * Listens on a Unix socket that is its owner's alone (0600) from the moment it can be reached: it is made in a directory
 * of mode 0700 and moved into its place. One that a killed process left behind is replaced.
 *
 * @param listen listens on the path it gets
 * @throws StartFailed where the path is too long, in use, or cannot be listened on
 */
export async function listenPrivately(path: string, listen: (path: string) => Promise<void>): Promise<void> {
  // As long as the path below, so that one that is too long is told so and not cut off.
  const prefix = join(dirname(path), `.s${randomBytes(2).toString('hex')}-`);
  if (Buffer.byteLength(path) > MAX_PATH_BYTES || Buffer.byteLength(`${prefix}XXXXXX/s`) > MAX_PATH_BYTES) {
    throw failed(path, `its path is too long, a socket has at most ${MAX_PATH_BYTES} bytes`);
  }
  await removeStale(path);
  let folder;
  try {
    folder = await mkdtemp(prefix);
    const made = join(folder, 's');
    await listen(made);
    await chmod(made, 0o600);
    await rename(made, path);
  } catch (error) {
    throw error instanceof StartFailed ? error : failed(path, errorCode(error) ?? 'unknown error');
  } finally {
    if (folder !== undefined) await rmdir(folder).catch(() => {});
  }
}

/** Removes the socket of a server that has stopped; one that is gone already is fine. */
export async function removeSocket(path: string): Promise<void> {
  await unlink(path).catch(() => {});
}
