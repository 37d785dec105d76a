import { StartFailed } from '@firma/core';
import { findSidecar } from '../session/current.ts';
import type { SidecarInfo } from '../session/sidecar-info.ts';
import { type SidecarOptions, startSidecar } from './sidecar-child.ts';

/** The sidecar a run uses: one that was running, or its own. */
export interface RunSidecar {
  readonly info: SidecarInfo;
  readonly attached: boolean;
  /** Ends it where it is the run's own. */
  stop(): Promise<void>;
}

/** Attaches to the sidecar of the state directory, or brings one of its own. */
export async function attachOrStart(
  options: SidecarOptions & { readonly stateDir: string },
): Promise<RunSidecar> {
  const running = await findSidecar(options.stateDir);
  if (running !== undefined && running.config !== (options.configPath ?? '')) {
    throw new StartFailed(
      `the sidecar that runs for this state directory has another configuration (\`${running.config || 'the defaults'}\`); stop it, or use another \`--state-dir\``,
    );
  }
  if (running !== undefined) return { info: running, attached: true, stop: () => Promise.resolve() };
  const own = await startSidecar(options);
  return { info: own.info, attached: false, stop: () => own.stop() };
}
