import { unlink } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { StartFailed, StateUnusable } from '@firma/core';
import { withFileLock } from '../config/file-lock.ts';
import { readPrivateFile, replacePrivateFile } from '../config/private-file.ts';
import { controlClient } from './control-client.ts';
import { isSidecarInfo, type SidecarInfo } from './sidecar-info.ts';

// `<state>/current` holds the path of the control socket of the sidecar that later runs attach to, and a line break.

function currentFile(stateDir: string): string {
  return join(stateDir, 'current');
}

async function namedSocket(file: string): Promise<string | undefined> {
  const named = (await readPrivateFile(file))?.trim();
  return named === '' ? undefined : named;
}

/**
 * The sidecar that runs for a state directory: the one `current` names, while it answers.
 *
 * @returns undefined where none runs
 * @throws StateUnusable where `current` is not its owner's alone or names a socket elsewhere, StartFailed where
 *   something else than a sidecar answers
 */
export async function findSidecar(stateDir: string): Promise<SidecarInfo | undefined> {
  const file = currentFile(stateDir);
  const control = await namedSocket(file);
  if (control === undefined) return undefined;
  if (!isAbsolute(control) || relative(stateDir, control).startsWith('..')) {
    throw new StateUnusable('names a socket outside the state directory; remove the file', { file });
  }
  let status: unknown;
  try {
    status = await controlClient(control).status();
  } catch {
    return undefined;
  }
  if (isSidecarInfo(status)) return status;
  throw new StartFailed(`what answers on \`${control}\` is no sidecar of this version; stop it first`);
}

/** @throws StartFailed where a sidecar runs for this state directory, StateUnusable as `findSidecar` */
export async function assertNoneRuns(stateDir: string): Promise<void> {
  if ((await findSidecar(stateDir)) === undefined) return;
  throw new StartFailed('a sidecar runs for this state directory; stop it, or use another `--state-dir`');
}

/**
 * Names a sidecar as the one that later runs attach to. Its control socket answers already.
 *
 * INVARIANT: `current` is changed under its lock alone, so of two that start at once one sees that the other lives.
 *
 * @returns what takes the name back, unless another sidecar has it by then
 * @throws StartFailed where a sidecar runs for this state directory, StateUnusable as `findSidecar`
 */
export async function becomeCurrent(stateDir: string, control: string): Promise<() => Promise<void>> {
  const file = currentFile(stateDir);
  const locked = <T>(work: () => Promise<T>): Promise<T> => withFileLock(`${file}.lock`, work);
  await locked(async () => {
    // After a sidecar was killed its name stands there still, and what answers to it is the caller.
    if ((await namedSocket(file)) !== control) await assertNoneRuns(stateDir);
    await replacePrivateFile(file, `${control}\n`);
  });
  return async () => {
    // Looked at first without the lock: a state directory that was removed holds no name, and no lock can be made in it.
    if ((await namedSocket(file)) !== control) return;
    await locked(async () => {
      if ((await namedSocket(file)) === control) await unlink(file);
    });
  };
}
