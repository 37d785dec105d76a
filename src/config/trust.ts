import { join } from 'node:path';
import { ConfigUntrusted } from '@firma/core';
import { withFileLock } from './file-lock.ts';
import { parseConfig } from './parse.ts';
import { type LoadedConfig, readNamed } from './read-named.ts';
import { type Source, SourceReader } from './sources.ts';
import { openStateDir } from './state-dir.ts';
import { type Digests, readTrust, writeTrust } from './trust-record.ts';

/** What differs between two states of a configuration's files: absolute paths, sorted. */
export interface TrustChange {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

function compare(before: Digests, now: Digests): TrustChange {
  const paths = [...now.keys()].sort();
  return {
    added: paths.filter((path) => !before.has(path)),
    changed: paths.filter((path) => before.has(path) && before.get(path) !== now.get(path)),
    removed: [...before.keys()].filter((path) => !now.has(path)).sort(),
  };
}

/** The digests of files that were read. */
export function digestsOf(sources: readonly Source[]): Digests {
  return new Map(sources.map((source) => [source.file, source.sha256]));
}

/**
 * Refuses a configuration whose files are not byte for byte the trusted ones.
 *
 * @param now the files read so far
 * @param whole `now` is all of them, so one that is missing was removed
 * @throws ConfigUntrusted naming the first file that differs and what to do
 */
export function assertTrusted(
  configFile: string,
  trusted: Digests | undefined,
  now: Digests,
  whole: boolean,
): void {
  const command = `\`firma trust ${configFile}\``;
  if (trusted === undefined) {
    throw new ConfigUntrusted(`is not trusted; read it and the files it names, then run ${command}`, {
      file: configFile,
    });
  }
  const { added, changed, removed } = compare(trusted, now);
  const next = `; look at what changed, then run ${command}`;
  if (changed[0] !== undefined) {
    throw new ConfigUntrusted(`has changed since it was trusted${next}`, { file: changed[0] });
  }
  if (added[0] !== undefined) {
    throw new ConfigUntrusted(`is new since the configuration was trusted${next}`, { file: added[0] });
  }
  if (whole && removed[0] !== undefined) {
    throw new ConfigUntrusted(`is gone since the configuration was trusted${next}`, { file: removed[0] });
  }
}

/**
 * Trusts a configuration file and every file it names, as they are now (semantics §8).
 *
 * @param configFile absolute, from `findConfig`
 * @param stateDir made where it does not exist
 * @param check throws where a table or a policy does not load; without it they are not looked at
 * @returns what is different from what was trusted before
 * @throws ConfigInvalid where the configuration file is not valid or names what cannot be read, and what `check` throws:
 *   nothing is written then
 */
export async function trust(
  configFile: string,
  stateDir: string,
  check?: (loaded: LoadedConfig) => void,
): Promise<TrustChange> {
  const reader = new SourceReader();
  const source = await reader.read(configFile);
  const { loaded, named } = await readNamed(await parseConfig(source.text, configFile), reader);
  check?.(loaded);
  const digests = digestsOf([source, ...named]);
  const state = await openStateDir(stateDir);
  return withFileLock(join(state.trust, 'lock'), async () => {
    const before = await readTrust(stateDir, configFile);
    await writeTrust(stateDir, configFile, digests);
    return compare(before ?? new Map(), digests);
  });
}
