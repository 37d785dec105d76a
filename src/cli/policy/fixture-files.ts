import { readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { type Bundle, ConfigInvalid, type FixtureCase, parseFixtures, Usage } from '@firma/core';
import { parseCall } from '../../call.ts';
import type { UntrustedConfig } from '../../config/open.ts';
import { type Source, SourceReader } from '../../config/sources.ts';
import type { PlaceOptions } from '../options.ts';
import { bundleOf, openPolicies, type OpenPolicies, policyDirectory } from './open.ts';

export interface FixtureOptions extends PlaceOptions {
  /** A file or a directory, in place of the policies beside the fixtures. */
  readonly policies?: string;
}

/** Cases, and the policies they are about. */
export interface OpenFixtures {
  readonly open: OpenPolicies;
  readonly bundle: Bundle;
  readonly files: number;
  readonly cases: readonly FixtureCase[];
}

const MAX_FILES = 512;
const EXTENSION = /\.(?:toml|json)$/;

/** @returns undefined where it is no directory: reading it says what it is */
async function namesIn(path: string): Promise<readonly string[] | undefined> {
  try {
    return (await stat(path)).isDirectory() ? (await readdir(path)).sort() : undefined;
  } catch {
    return undefined;
  }
}

/** The directory of fixtures, where it holds policies too. */
async function policiesBeside(path: string): Promise<string | undefined> {
  const isFolder = (await namesIn(path)) !== undefined;
  const folder = isFolder ? path : dirname(path);
  const names = (await namesIn(folder)) ?? [];
  return names.some((name) => name.endsWith('.cedar') && !name.startsWith('.')) ? folder : undefined;
}

/** Files of the configuration are TOML too, and may stand beside its policies. */
function configurationFiles({ config, mappings }: UntrustedConfig): ReadonlySet<string> {
  const { file } = config;
  if (file === undefined) return new Set();
  return new Set([file, ...mappings.map((table) => resolve(dirname(file), table.file))]);
}

async function readFixtureFiles(path: string, opened: UntrustedConfig): Promise<readonly Source[]> {
  const reader = new SourceReader();
  const names = await namesIn(path);
  if (names === undefined) return [await reader.read(path)];
  const passed = configurationFiles(opened);
  const files = names
    .filter((name) => EXTENSION.test(name) && !name.startsWith('.'))
    .map((name) => join(path, name))
    .filter((file) => !passed.has(resolve(file)));
  if (files.length === 0) {
    throw new ConfigInvalid('holds no fixtures; write them as `*.toml` or `*.json`', { file: path });
  }
  if (files.length > MAX_FILES) throw new ConfigInvalid(`holds more than ${MAX_FILES} files`, { file: path });
  const sources: Source[] = [];
  for (const file of files) sources.push(await reader.read(file));
  return sources;
}

/** A path as a person here would write it. */
function nearName(path: string): string {
  const near = relative(process.cwd(), path);
  return near === '..' || near.startsWith(`..${sep}`) ? path : near === '' ? '.' : near;
}

function assertSendable({ call, file, line, name }: FixtureCase): void {
  if ('action' in call) return;
  const { method, url, headers, body } = call;
  const parsed = parseCall({ method, url, headers, ...(body === undefined ? {} : { body }) });
  if ('invalid' in parsed) throw new ConfigInvalid(`case \`${name}\`: ${parsed.invalid}`, { file, line });
}

/**
 * Reads fixtures and loads the policies they are about: those that were named, else those beside the fixtures, else
 * those of the configuration.
 *
 * @param path a file, or a directory; undefined for the directory of the configuration's policies
 * @throws FirmaError with file and line, for fixtures, policies or a configuration that do not load
 */
export async function openFixtures(path: string | undefined, options: FixtureOptions): Promise<OpenFixtures> {
  if (path === '') throw new Usage('the path is empty; name a file or a directory');
  const policies = options.policies ?? (path === undefined ? undefined : await policiesBeside(path));
  const open = await openPolicies(policies, options, path === undefined && policies === undefined);
  const bundle = bundleOf(open, open.sources);
  const place = path ?? nearName(policyDirectory(open.opened));
  const sources = await readFixtureFiles(place, open.opened);
  const cases = sources.flatMap((source) => parseFixtures(source, bundle));
  cases.forEach(assertSendable);
  return { open, bundle, files: sources.length, cases };
}
