import { builtinConfig } from './builtin.ts';
import { findConfig, type Surroundings } from './find.ts';
import { loadTrusted } from './load.ts';
import { parseConfig } from './parse.ts';
import { type LoadedConfig, readNamed } from './read-named.ts';
import { SourceReader } from './sources.ts';
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
 * Finds, checks and loads the configuration in force: the one way in for `openFirma` and for every command that starts,
 * issues or answers by it. Writes nothing.
 *
 * @throws ConfigInvalid, ConfigUntrusted, StateUnusable as `findConfig` and `loadTrusted`
 */
export async function openConfig(asked: Asked, around: Surroundings): Promise<OpenedConfig> {
  const stateRoot = stateDirPath(asked.stateDir, around);
  const loaded = await loadTrusted(await findConfig(asked.config, around), stateRoot);
  return { ...loaded, stateRoot };
}

/** INVARIANT: too little of a configuration for anything that enforces, which takes a `LoadedConfig`. */
export type UntrustedConfig = Pick<LoadedConfig, 'config' | 'mappings' | 'policies'>;

/**
 * Finds and reads the configuration as it stands, trusted or not: for a command that decides nothing and only wants to
 * know which facts and budgets there are.
 *
 * @throws ConfigInvalid as `findConfig`, and where it does not load
 */
export async function readUntrusted(asked: Asked, around: Surroundings): Promise<UntrustedConfig> {
  const file = await findConfig(asked.config, around);
  const reader = new SourceReader();
  const assembled =
    file === undefined ? builtinConfig() : await parseConfig((await reader.read(file)).text, file);
  const { config, mappings, policies } = (await readNamed(assembled, reader)).loaded;
  return { config, mappings, policies };
}
