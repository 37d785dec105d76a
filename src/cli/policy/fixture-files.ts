import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import {
  type Bundle,
  closestWord,
  ConfigInvalid,
  type FixtureCase,
  type NamedPolicies,
  parseFixtures,
  type PolicySource,
  Usage,
} from '@firma/core';
import { parseCall } from '../../call.ts';
import type { UntrustedConfig } from '../../config/open.ts';
import { type Source, SourceReader } from '../../config/sources.ts';
import type { PlaceOptions } from '../options.ts';
import {
  BUILTIN,
  builtinDirectory,
  bundleOf,
  openPolicies,
  type OpenPolicies,
  policyDirectory,
} from './open.ts';

export interface FixtureOptions extends PlaceOptions {
  /** A file or a directory, in place of the policies beside the fixtures. */
  readonly policies?: string;
}

/** Cases, and the policies they are about. */
export interface FixtureSuite {
  readonly bundle: Bundle;
  /** Where the policies are from: a path, or `builtin:`. */
  readonly from: string;
  /** The only files of it that are tested, where fixtures name them. */
  readonly only: readonly string[] | undefined;
  readonly cases: readonly FixtureCase[];
}

export interface OpenFixtures {
  readonly open: OpenPolicies;
  readonly files: number;
  /** One for each choice of policies, in the order of the files. */
  readonly suites: readonly FixtureSuite[];
}

/** What a directory of policies keeps its fixtures in. */
const WITHIN = 'fixtures';

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

async function holdsPolicies(folder: string): Promise<boolean> {
  const names = (await namesIn(folder)) ?? [];
  return names.some((name) => name.endsWith('.cedar') && !name.startsWith('.'));
}

/** The directory of fixtures, or the one it is in, where that holds policies. */
async function policiesBeside(path: string): Promise<string | undefined> {
  const isFolder = (await namesIn(path)) !== undefined;
  const folder = isFolder ? path : dirname(path);
  if (await holdsPolicies(folder)) return folder;
  const above = join(folder, '..');
  return (await holdsPolicies(above)) ? above : undefined;
}

/** Files of the configuration are TOML too, and may stand beside its policies. */
function configurationFiles({ config, mappings }: UntrustedConfig): ReadonlySet<string> {
  const { file } = config;
  if (file === undefined) return new Set();
  return new Set([file, ...mappings.map((table) => resolve(dirname(file), table.file))]);
}

function fixturesAmong(folder: string, names: readonly string[], passed: ReadonlySet<string>): string[] {
  return names
    .filter((name) => EXTENSION.test(name) && !name.startsWith('.'))
    .map((name) => join(folder, name))
    .filter((file) => !passed.has(resolve(file)));
}

async function readFixtureFiles(path: string, opened: UntrustedConfig): Promise<readonly Source[]> {
  const reader = new SourceReader();
  const names = await namesIn(path);
  if (names === undefined) return [await reader.read(path)];
  const passed = configurationFiles(opened);
  const within = join(path, WITHIN);
  const files = [
    ...fixturesAmong(path, names, passed),
    ...fixturesAmong(within, (await namesIn(within)) ?? [], passed),
  ];
  if (files.length === 0) {
    throw new ConfigInvalid(
      `holds no fixtures; write them as \`*.toml\` or \`*.json\`, here or in \`${WITHIN}\``,
      {
        file: path,
      },
    );
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

/** Of a path, or of `builtin:dev.cedar`. */
function fileName(file: string): string {
  return basename(file.slice(file.lastIndexOf(':') + 1));
}

function onlyNamed(
  sources: readonly PolicySource[],
  { names, at }: NamedPolicies,
  from: string,
): readonly PolicySource[] {
  return names.map((name) => {
    const source = sources.find(({ file }) => fileName(file) === name);
    if (source !== undefined) return source;
    const near = closestWord(
      name,
      sources.map(({ file }) => fileName(file)),
    );
    const hint = near === undefined ? '' : `; did you mean \`${near}\`?`;
    throw new ConfigInvalid(`\`policies\` names \`${name}\`, which is no file of \`${from}\`${hint}`, at);
  });
}

/** Cases apart by the policies they name. */
function byPolicies(cases: readonly FixtureCase[]): readonly (readonly [FixtureCase, ...FixtureCase[]])[] {
  const groups = new Map<string, [FixtureCase, ...FixtureCase[]]>();
  for (const one of cases) {
    const key = JSON.stringify(one.policies?.names ?? null);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

async function suitesOf(
  open: OpenPolicies,
  from: string,
  cases: readonly FixtureCase[],
): Promise<readonly FixtureSuite[]> {
  // Of the shipped policies a configuration has only some.
  const whole =
    from === BUILTIN ? await new SourceReader().readAll(builtinDirectory(), '.cedar') : open.sources;
  return byPolicies(cases).map((group) => {
    const [{ policies }] = group;
    const sources = policies === undefined ? open.sources : onlyNamed(whole, policies, from);
    return { bundle: bundleOf(open, sources), from, only: policies?.names, cases: group };
  });
}

/**
 * Reads fixtures and loads the policies they are about: those that were named, else those beside the fixtures or in the
 * directory above, else those of the configuration; of these the files that a fixture file names.
 *
 * @param path a file, or a directory with them or with a directory `fixtures`; undefined for the directory of the
 *   configuration's policies
 * @throws FirmaError with file and line, for fixtures, policies or a configuration that do not load
 */
export async function openFixtures(path: string | undefined, options: FixtureOptions): Promise<OpenFixtures> {
  if (path === '') throw new Usage('the path is empty; name a file or a directory');
  const policies = options.policies ?? (path === undefined ? undefined : await policiesBeside(path));
  const open = await openPolicies(policies, options, path === undefined && policies === undefined);
  const directory = policyDirectory(open.opened);
  const from = policies ?? (directory === builtinDirectory() ? BUILTIN : nearName(directory));
  const sources = await readFixtureFiles(path ?? nearName(directory), open.opened);
  const declared = bundleOf(open, []);
  const cases = sources.flatMap((source) => parseFixtures(source, declared));
  cases.forEach(assertSendable);
  return { open, files: sources.length, suites: await suitesOf(open, from, cases) };
}
