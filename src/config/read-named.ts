import type { Config } from './config.ts';
import type { Assembled, NamedPath } from './named-path.ts';
import type { Source, SourceReader } from './sources.ts';

/** A configuration with the texts it stands on, all read once: nothing of it is read from disk again. */
export interface LoadedConfig {
  readonly config: Config;
  readonly mappings: readonly Source[];
  readonly policies: readonly Source[];
  readonly issuance: readonly Source[];
  /** PEM text by the absolute path that an upstream override names. */
  readonly ca: ReadonlyMap<string, string>;
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
 * @returns `named`: what needs trust, so without what is shipped with the package
 * @throws ConfigInvalid where something it names cannot be read
 */
export async function readNamed(
  assembled: Assembled,
  reader: SourceReader,
): Promise<{ readonly loaded: LoadedConfig; readonly named: readonly Source[] }> {
  const named: Source[] = [];
  const read = async ({ path, at }: NamedPath, extension: string): Promise<Source[]> => {
    const sources = await reader.readAll(path, extension, at);
    if (at !== undefined) named.push(...sources);
    return sources;
  };
  // Two paths may lead to one table; loading it twice would make every rule contradict itself.
  const mappings = new Map<string, Source>();
  for (const entry of assembled.mappings) {
    for (const source of await read(entry, '.toml')) mappings.set(source.file, source);
  }
  const policies = await read(assembled.policies, '.cedar');
  const issuance = await read(assembled.issuance, '.cedar');
  const ca = new Map<string, string>();
  for (const entry of assembled.ca) {
    const source = await reader.read(entry.path, entry.at);
    named.push(source);
    ca.set(entry.path, source.text);
  }
  const { config } = assembled;
  const files = [...mappings.keys()];
  return {
    loaded: {
      config: freeze({ ...config, mapping: { ...config.mapping, files } }),
      mappings: [...mappings.values()],
      policies,
      issuance,
      ca,
    },
    named,
  };
}
