import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { StateUnusable } from '@firma/core';
import type { Surroundings } from './find.ts';
import { loadOrCreateKeyFile } from './key-file.ts';
import { ensurePrivateDir, isPrivateDir, readPrivateFile, stateUnusable } from './private-file.ts';

/** Of the layout below the state directory; a change of it is a new number. */
const FORMAT = 1;

/** The state directory (semantics §8): all of it is its owner's alone. Paths are absolute. */
export interface StateDir {
  readonly root: string;
  readonly ca: string;
  readonly authority: string;
  readonly trust: string;
  /** The key that signs the logs; what verifies them stands beside it as `.vkey`. */
  readonly logKeyFile: string;
  /** What enforcement points show to the decision API, made at the first start. */
  readonly enforcementKeyFile: string;
  /** One directory a run: log, store and sockets of one sidecar. */
  readonly runs: string;
}

/** Where the parts of a state directory stand, whether or not they exist. */
export function stateLayout(root: string): StateDir {
  return {
    root,
    ca: join(root, 'ca'),
    authority: join(root, 'authority'),
    trust: join(root, 'trust'),
    logKeyFile: join(root, 'trust', 'audit.key'),
    enforcementKeyFile: join(root, 'trust', 'enforcement.key'),
    runs: join(root, 'runs'),
  };
}

/**
 * Where state is kept: the directory asked for, else `FIRMA_STATE_DIR`, else `$XDG_STATE_HOME/firma`, else
 * `~/.local/state/firma`. Absolute; looks at nothing on disk.
 */
export function stateDirPath(asked: string | undefined, around: Surroundings): string {
  const fromEnv = around.env['FIRMA_STATE_DIR'];
  const named = asked ?? (fromEnv === '' ? undefined : fromEnv);
  if (named !== undefined) return resolve(around.cwd, named);
  const xdg = around.env['XDG_STATE_HOME'];
  // The XDG specification says to pass over a relative one.
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'firma');
  const home = around.env['HOME'];
  return join(home !== undefined && isAbsolute(home) ? home : homedir(), '.local', 'state', 'firma');
}

/** An empty directory made by hand has the mode of everything made by hand; there is nothing in it to have leaked. */
async function closeEmptyDir(path: string): Promise<void> {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    return;
  }
  try {
    const { uid } = await handle.stat();
    if (uid === process.getuid?.() && (await readdir(path)).length === 0) await handle.chmod(0o700);
  } finally {
    await handle.close();
  }
}

function assertFormat(text: string, file: string): void {
  const format = Number(text.trim());
  if (format === FORMAT) return;
  const what =
    Number.isSafeInteger(format) && format > FORMAT
      ? `says format ${format} and this version knows ${FORMAT}; use a newer firma, or another \`--state-dir\``
      : 'holds no format number; this is no state directory of firma, use another `--state-dir`';
  throw new StateUnusable(what, { file });
}

/**
 * Opens the state directory, making what is missing.
 *
 * @param root absolute, from `stateDirPath`
 * @throws StateUnusable where it is another user's or open to others, or of a newer format
 */
export async function openStateDir(root: string): Promise<StateDir> {
  const state = stateLayout(root);
  await closeEmptyDir(root);
  await ensurePrivateDir(root);
  const format = join(root, 'format');
  assertFormat(await loadOrCreateKeyFile(format, () => `${FORMAT}\n`), format);
  for (const folder of [state.ca, state.authority, state.trust, state.runs]) await ensurePrivateDir(folder);
  return state;
}

/**
 * The state directory for reading only: makes nothing.
 *
 * @returns undefined where there is none
 * @throws StateUnusable as `openStateDir`
 */
export async function findStateDir(root: string): Promise<StateDir | undefined> {
  if (!(await isPrivateDir(root))) return undefined;
  const format = join(root, 'format');
  const text = await readPrivateFile(format);
  if (text === undefined) return undefined;
  assertFormat(text, format);
  return stateLayout(root);
}

/**
 * The directory of the long-running sidecar of that id, which goes on in it from one start to the next.
 *
 * @param id `sidecar.id`: letters that a file name may have
 */
export async function standingRun(state: StateDir, id: string): Promise<string> {
  const path = join(state.runs, `sidecar-${id}`);
  await ensurePrivateDir(path);
  return path;
}

/** Makes the directory of a new run. Its name sorts by the time of the call: UTC, then eight random digits. */
export async function newRun(state: StateDir, nowMs: number = Date.now()): Promise<string> {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:.]/g, '').replace('Z', '');
  const path = join(state.runs, `${time}-${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    throw stateUnusable('cannot be made', error, path);
  }
  return path;
}
