import { resolve } from 'node:path';
import type { MappingSource } from '@firma/core';
import type { PlaceOptions } from '../options.ts';
import { surroundings } from '../options.ts';

/**
 * The mapping tables that were named, or those of the configuration in force.
 *
 * @param paths files, directories for the `*.toml` in them, `builtin:` for the shipped ones; undefined or empty for the
 *   configuration's
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
  const { SHIPPED_MAPPINGS } = await import('../../config/assemble.ts');
  const { shippedPath } = await import('../../config/package-root.ts');
  const reader = new SourceReader();
  // Two paths may lead to one table; loading it twice would make every rule contradict itself.
  const tables = new Map<string, MappingSource>();
  for (const path of paths) {
    const place = path === SHIPPED_MAPPINGS ? shippedPath('mappings') : path;
    for (const table of await reader.readAll(place, '.toml')) tables.set(resolve(table.file), table);
  }
  return [...tables.values()];
}
