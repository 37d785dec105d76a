import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadMappings } from '../../native-free-core/normalizer/mappings.ts';
import { Normalizer } from '../../native-free-core/normalizer/normalizer.ts';
import type { Rule } from '../../native-free-core/normalizer/rules.ts';
import type { ActionClassInfo } from '../../native-free-core/registry/classes.ts';
import { sharedPath } from '../shared-data.ts';
import { classify, isRefusal, request } from '../normalizer/request.ts';

const folder = new URL('../../mappings/', import.meta.url);

/** Every shipped table, loaded together as the sidecar loads them. */
export const mappings = loadMappings(
  readdirSync(fileURLToPath(folder))
    .filter((name) => name.endsWith('.toml'))
    .map((name) => ({ file: `mappings/${name}`, text: readFileSync(new URL(name, folder), 'utf8') })),
);
export const normalizer = new Normalizer(mappings);

/** Every class the rule can give: its own, and those a body can choose. */
export function classesOf({ actionClass, refinement }: Rule): readonly ActionClassInfo[] {
  return refinement === undefined ? [actionClass] : [actionClass, ...refinement.classes.values()];
}

/** The class of a request without a body under the shipped tables, or the reason of its refusal. */
export function classOf(method: string, url: string): string {
  return classify(normalizer, request(method, url), new Uint8Array(0));
}

/** The host groups a request's host is in, or the reason of its refusal. */
export function groupsOf(url: string): readonly string[] | string {
  const matched = normalizer.match(request('POST', url));
  return isRefusal(matched) ? matched.refused : matched.first.resource.hostGroups;
}

/** One published operation of `shared/api-surface`. */
export interface Operation {
  readonly method: string;
  readonly host: string;
  /** With `{parameter}`s. */
  readonly path: string;
}

export const SURFACES = ['github', 'stripe', 'gmail'] as const;

/** Where the operations of a surface stand in the shared data. */
export function surfacePath(surface: (typeof SURFACES)[number]): string {
  return `api-surface/${surface}.tsv`;
}

/** The lines of a shared table behind its heading, each cut into its columns. */
export function sharedRows(relative: string): readonly (readonly string[])[] {
  const lines = readFileSync(sharedPath(relative), 'utf8').trim().split('\n');
  return lines.slice(1).map((line) => line.split('\t'));
}

/** Every operation of a surface. */
export function operationsOf(surface: (typeof SURFACES)[number]): readonly Operation[] {
  return sharedRows(surfacePath(surface)).map(([method = '', host = '', path = '']) => ({
    method,
    host,
    path,
  }));
}

/** The names of the parameters in a path template, in order. */
export function parametersOf(path: string): readonly string[] {
  return [...path.matchAll(/\{([^}]*)\}/g)].map(([, name = '']) => name);
}

/** The operation's URL, each parameter filled by what `value` makes of its name and its place among them. */
export function urlOf({ host, path }: Operation, value: (name: string, index: number) => string): string {
  let index = 0;
  return `https://${host}${path.replace(/\{([^}]*)\}/g, (_, name: string) => value(name, index++))}`;
}

/** `mappings/DIFFERENCES.md`: the rows of each table under its heading, as cells without their quotes. */
export function differences(heading: string): readonly (readonly string[])[] {
  const text = readFileSync(new URL('DIFFERENCES.md', folder), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) =>
    row
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', ''))
      .slice(1, -1),
  );
}
