import { dirname, resolve } from 'node:path';
import {
  type Bundle,
  loadBundle,
  loadMappings,
  type Mappings,
  type PolicySource,
  type SchemaInputs,
  startCedar,
} from '@firma/core';
import { cedarModule } from '../../cedar-module.ts';
import { openConfig, readUntrusted, type UntrustedConfig } from '../../config/open.ts';
import { shippedPath } from '../../config/package-root.ts';
import { SourceReader } from '../../config/sources.ts';
import type { PlaceOptions } from '../options.ts';
import { surroundings } from '../options.ts';

/** Policies, and the configuration whose facts and budgets they may read. */
export interface OpenPolicies {
  readonly opened: UntrustedConfig;
  readonly mappings: Mappings;
  readonly sources: readonly PolicySource[];
}

/** The policies that are shipped, as messages name them. */
export const BUILTIN = 'builtin:';

/**
 * Reads policies and the configuration; cedar is started.
 *
 * @param path a file or a directory of `*.cedar`; undefined for the configuration's own
 * @param inForce the configuration is itself what is asked about, so it has to be the trusted one
 * @throws FirmaError as a start would, where the configuration or its tables do not load, or the path cannot be read
 */
export async function openPolicies(
  path: string | undefined,
  options: PlaceOptions,
  inForce: boolean,
): Promise<OpenPolicies> {
  const opened = await (inForce ? openConfig : readUntrusted)(options, surroundings());
  const mappings = loadMappings(opened.mappings);
  const sources = path === undefined ? opened.policies : await new SourceReader().readAll(path, '.cedar');
  startCedar(cedarModule());
  return { opened, mappings, sources };
}

/** What the configuration adds to the schema of its policies. */
export function schemaInputs({ opened, mappings }: OpenPolicies): SchemaInputs {
  return { params: mappings.params, budgets: opened.config.budgets.map(({ name }) => name) };
}

/** @throws PolicyInvalid with file and line */
export function bundleOf(open: OpenPolicies, sources: readonly PolicySource[]): Bundle {
  return loadBundle(sources, schemaInputs(open));
}

export function builtinDirectory(): string {
  return shippedPath('policies/starter');
}

/** The directory of the configuration's own policies. */
export function policyDirectory({ config, policies }: UntrustedConfig): string {
  const file = policies[0]?.file ?? BUILTIN;
  // Names that are shown are relative to the configuration's directory.
  return file.startsWith(BUILTIN) ? builtinDirectory() : dirname(resolve(dirname(config.file ?? ''), file));
}
