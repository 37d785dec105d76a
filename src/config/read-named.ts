import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import type { Config } from './config.ts';
import type { Assembled, NamedPath } from './named-path.ts';
import type { Source, SourceReader } from './sources.ts';

/** A configuration with the texts it stands on, all read once: nothing of it is read from disk again. */
export interface LoadedConfig {
  readonly config: Config;
  /** `file` of these three is a name to show, not a path to open. */
  readonly mappings: readonly Source[];
  readonly policies: readonly Source[];
  readonly issuance: readonly Source[];
  /** PEM text by the absolute path that an upstream override names. */
  readonly ca: ReadonlyMap<string, string>;
}

/**
 * What errors and records call a file: a shipped one `builtin:<name>`, one below the configuration file's directory by
 * its path from there, so that nothing of the machine shows; another by its absolute path.
 */
function shownName(file: string, configFile: string | undefined, isShipped: boolean): string {
  if (isShipped) return `builtin:${basename(file)}`;
  if (configFile === undefined) return file;
  const within = relative(dirname(configFile), file);
  return isAbsolute(within) || within === '..' || within.startsWith(`..${sep}`) ? file : within;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}

/**
 * Reads what a configuration names; directories become the files in them.
 *
 * @returns `loaded`, whose tables and policies bear the names that are shown; `named`: what needs trust, by absolute
 *   path, so without what is shipped with the package
 * @throws ConfigInvalid where something it names cannot be read
 */
export async function readNamed(
  assembled: Assembled,
  reader: SourceReader,
): Promise<{ readonly loaded: LoadedConfig; readonly named: readonly Source[] }> {
  const named: Source[] = [];
  const read = async ({ path, only, at }: NamedPath, extension: string): Promise<Source[]> => {
    const sources: Source[] = [];
    if (only === undefined) sources.push(...(await reader.readAll(path, extension, at)));
    else for (const name of only) sources.push(await reader.read(join(path, name), at));
    if (at !== undefined) named.push(...sources);
    return sources;
  };
  const show = (source: Source, { at }: NamedPath): Source => ({
    ...source,
    file: shownName(source.file, assembled.config.file, at === undefined),
  });
  const readShown = async (entry: NamedPath): Promise<Source[]> =>
    (await read(entry, '.cedar')).map((source) => show(source, entry));
  // Two paths may lead to one table; loading it twice would make every rule contradict itself.
  const mappings = new Map<string, Source>();
  for (const entry of assembled.mappings) {
    for (const source of await read(entry, '.toml')) mappings.set(source.file, show(source, entry));
  }
  const policies = await readShown(assembled.policies);
  const issuance = await readShown(assembled.issuance);
  const ca = new Map<string, string>();
  for (const entry of assembled.ca) {
    const source = await reader.read(entry.path, entry.at);
    named.push(source);
    ca.set(entry.path, source.text);
  }
  return {
    loaded: {
      config: freeze(assembled.config),
      mappings: [...mappings.values()],
      policies,
      issuance,
      ca,
    },
    named,
  };
}
