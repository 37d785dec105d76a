import { resolve } from 'node:path';
import type { MappingSource } from '@firma/core';
import type { PlaceOptions } from '../options.ts';
import { surroundings } from '../options.ts';

/**
 * The mapping tables that were named, or those of the configuration in force.
 *
 * @param paths files, and directories for the `*.toml` in them; undefined or empty for the configuration's
 * @throws ConfigInvalid where one cannot be read
 */
export async function readTables(
  paths: readonly string[] | undefined,
  options: PlaceOptions,
): Promise<readonly MappingSource[]> {
  if (paths === undefined || paths.length === 0) {
    const { openConfig } = await import('../../config/open.ts');
    return (await openConfig(options, surroundings())).mappings;
  }
  const { SourceReader } = await import('../../config/sources.ts');
  const reader = new SourceReader();
  // Two paths may lead to one table; loading it twice would make every rule contradict itself.
  const tables = new Map<string, MappingSource>();
  for (const path of paths) {
    for (const table of await reader.readAll(path, '.toml')) tables.set(resolve(table.file), table);
  }
  return [...tables.values()];
}
