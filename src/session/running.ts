import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { StartFailed } from '@firma/core';
import { errorCode, stateUnusable } from '../config/private-file.ts';
import { findStateDir } from '../config/state-dir.ts';
import { controlClient } from './control-client.ts';
import { findSidecar } from './current.ts';
import { isSidecarInfo } from './sidecar-info.ts';

/** Most run directories that are looked into, newest first: a sidecar that runs is no old one. */
const MAX_RUNS = 256;

async function newestRuns(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort().toReversed().slice(0, MAX_RUNS);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw stateUnusable('cannot be read', error, dir);
  }
}

async function answers(control: string): Promise<boolean> {
  try {
    return isSidecarInfo(await controlClient(control).status());
  } catch {
    return false;
  }
}

/**
 * The control sockets of the sidecars that `firma run` started for a state directory, newest first. A sidecar that was
 * killed leaves its socket behind, and is not among them.
 *
 * @throws StateUnusable where the directory is another user's or open to others
 */
export async function liveRunSockets(stateDir: string): Promise<string[]> {
  const state = await findStateDir(stateDir);
  if (state === undefined) return [];
  const sockets = (await newestRuns(state.runs)).map((name) => join(state.runs, name, 'control.sock'));
  const live = await Promise.all(sockets.map(answers));
  return sockets.filter((_socket, index) => live[index] === true);
}

/**
 * The control socket a command speaks to where none was named: that of the sidecar that runs for the state directory,
 * else of the one that `firma run` started there.
 *
 * @throws StartFailed where none runs, or several runs have one each, StateUnusable as `findSidecar`
 */
export async function findControl(stateDir: string): Promise<string> {
  const current = await findSidecar(stateDir);
  if (current !== undefined) return current.control;
  const [only, ...others] = await liveRunSockets(stateDir);
  if (only === undefined) {
    throw new StartFailed(`no sidecar runs for \`${stateDir}\`; start one with \`firma sidecar\``);
  }
  if (others.length === 0) return only;
  const named = [only, ...others].map((path) => `\`${path}\``).join(', ');
  throw new StartFailed(`several runs have a sidecar each; name one with \`--control\`: ${named}`);
}
