import {
  type Bundle,
  digest,
  linkMappings,
  loadBundle,
  lowerMappings,
  type MappingSource,
  type PolicySource,
} from '@firma/core';
import { sha256Hex } from '../sha256.ts';
import { shareBundle, shareMappings, type SharedCore } from './lowered-core.ts';

/** Tables and policies as they stand in their files. */
export interface CoreSources {
  readonly tables: readonly MappingSource[];
  readonly policies: readonly PolicySource[];
  /** Names of the budgets, which policies may read. */
  readonly budgets: readonly string[];
}

function declines({ policies }: Bundle): boolean {
  return policies.some(({ lowered }) => 'declined' in lowered);
}

/**
 * Loads tables and policies in this thread, for every thread. Cedar is started already.
 *
 * Cost: as `loadMappings` and `loadBundle`; it is for a thread that decides nothing.
 *
 * @throws MappingInvalid or PolicyInvalid with file and line
 */
export function lowerCore({ tables, policies, budgets }: CoreSources): SharedCore {
  const lowered = lowerMappings(tables);
  const mappings = linkMappings(lowered);
  const bundle = loadBundle(policies, { params: mappings.params, budgets });
  return {
    mappings: shareMappings(lowered),
    bundle: shareBundle(bundle),
    digests: {
      mappings: digest(mappings.canonical, sha256Hex),
      bundle: digest(bundle.canonical, sha256Hex),
    },
    declines: declines(bundle),
  };
}
