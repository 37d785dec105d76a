import { isAbsolute, join, relative } from 'node:path';
import { StartFailed, StateUnusable } from '@firma/core';
import { readPrivateFile } from '../config/private-file.ts';
import { controlClient } from '../session/control-client.ts';
import { isSidecarInfo, type SidecarInfo } from '../session/sidecar-info.ts';
import { type SidecarOptions, startSidecar } from './sidecar-child.ts';

/** The sidecar a run uses: one that was running, or its own. */
export interface RunSidecar {
  readonly info: SidecarInfo;
  readonly attached: boolean;
  /** Ends it where it is the run's own. */
  stop(): Promise<void>;
}

/**
 * The sidecar that runs for a state directory: `<state>/current` is a file that holds the path of its control socket.
 *
 * @returns undefined where none runs
 * @throws StateUnusable where `current` is not its owner's alone or names a socket elsewhere, StartFailed where
 *   something else than a sidecar answers
 */
export async function findSidecar(stateDir: string): Promise<SidecarInfo | undefined> {
  const current = join(stateDir, 'current');
  const control = (await readPrivateFile(current))?.trim();
  if (control === undefined || control === '') return undefined;
  const within = relative(stateDir, control);
  if (!isAbsolute(control) || within.startsWith('..')) {
    throw new StateUnusable('names a socket outside the state directory; remove the file', { file: current });
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

/** Attaches to the sidecar of the state directory, or brings one of its own. */
export async function attachOrStart(
  options: SidecarOptions & { readonly stateDir: string },
): Promise<RunSidecar> {
  const running = await findSidecar(options.stateDir);
  if (running !== undefined) return { info: running, attached: true, stop: () => Promise.resolve() };
  const own = await startSidecar(options);
  return { info: own.info, attached: false, stop: () => own.stop() };
}
