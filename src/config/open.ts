import { findConfig, type Surroundings } from './find.ts';
import { loadTrusted } from './load.ts';
import type { LoadedConfig } from './read-named.ts';
import { stateDirPath } from './state-dir.ts';

/** What a caller asks for by name; the environment and the working directory answer for the rest. */
export interface Asked {
  readonly config?: string | undefined;
  readonly stateDir?: string | undefined;
}

export interface OpenedConfig extends LoadedConfig {
  /** Absolute; may not exist yet (`openStateDir` makes it). */
  readonly stateRoot: string;
}

/**
 * Finds, checks and loads the configuration in force: the one way in for every command and for `openFirma`.
 * Writes nothing.
 *
 * @throws ConfigInvalid, ConfigUntrusted, StateUnusable as `findConfig` and `loadTrusted`
 */
export async function openConfig(asked: Asked, around: Surroundings): Promise<OpenedConfig> {
  const stateRoot = stateDirPath(asked.stateDir, around);
  const loaded = await loadTrusted(await findConfig(asked.config, around), stateRoot);
  return { ...loaded, stateRoot };
}
