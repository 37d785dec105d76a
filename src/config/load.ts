import { builtinConfig } from './builtin.ts';
import { parseConfig } from './parse.ts';
import { type LoadedConfig, readNamed } from './read-named.ts';
import { SourceReader } from './sources.ts';
import { assertTrusted, digestsOf } from './trust.ts';
import { readTrust } from './trust-record.ts';

/**
 * The configuration in force, with the text of every file it names.
 *
 * INVARIANT: each file is read once, and what is returned is what was compared with the trusted digest; a file
 * that changes afterwards changes nothing.
 *
 * @param configFile absolute, from `findConfig`; undefined for the built-in defaults, which need no trust
 * @param stateDir absolute, from `stateDirPath`; need not exist
 * @throws ConfigUntrusted where the file, or one it names, is not byte for byte what was trusted
 * @throws ConfigInvalid where it does not load
 * @throws StateUnusable where others could have written the trust records
 */
export async function loadTrusted(configFile: string | undefined, stateDir: string): Promise<LoadedConfig> {
  const reader = new SourceReader();
  if (configFile === undefined) return (await readNamed(builtinConfig(), reader)).loaded;
  const trusted = await readTrust(stateDir, configFile);
  const source = await reader.read(configFile);
  // Before it is parsed: an untrusted file does not get to say what is opened.
  assertTrusted(configFile, trusted, digestsOf([source]), false);
  const { loaded, named } = await readNamed(await parseConfig(source.text, configFile), reader);
  assertTrusted(configFile, trusted, digestsOf([source, ...named]), true);
  return loaded;
}
