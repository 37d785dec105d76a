import type { BodyNeed } from './envelope.ts';
import type { ParamType } from '../registry/param-type.ts';
import type { HostPattern } from './pattern.ts';
import { selectGroups, type GroupSelector } from './groups.ts';
import { OVERRIDE_HEADERS } from './method-override.ts';
import { orderRules } from './precedence.ts';
import { refinedParams, type Refinement } from './refine/refinement.ts';
import { parseRules, type GroupTable, type MappingSource, type Rule } from './rules.ts';
import { Trie } from './trie.ts';

/** A rule with what is known of its calls when the tables load. */
export interface MappedRule {
  readonly rule: Rule;
  readonly groups: GroupSelector;
  /** What has to be read of a body before the call is decided. */
  readonly bodyNeed: BodyNeed;
}

/** All mapping tables, checked, ordered and compiled. Frozen: a change is a new object. */
export interface Mappings {
  /** Most specific first. */
  readonly rules: readonly MappedRule[];
  readonly trie: Trie;
  /** Every fact some rule declares, for the Cedar schema. */
  readonly params: Readonly<Record<string, ParamType>>;
  /** Names of all host groups, sorted. */
  readonly hostGroups: readonly string[];
  /** Plain JSON of what the rules mean, whatever their files and order: what a digest is made of. */
  readonly canonical: unknown;
  /** Lower-case names of the headers classification reads; an interceptor passes no others on. */
  readonly readHeaders: ReadonlySet<string>;
}

/**
 * Loads mapping tables.
 *
 * @throws MappingInvalid with file and line: not TOML, an unknown key or class, a pattern that is none, two
 * rules that conflict
 */
export function loadMappings(sources: readonly MappingSource[]): Mappings {
  const tables = sources.map(parseRules);
  const ordered = orderRules(tables.flatMap((table) => table.rules));
  const groups = mergeGroups(tables.flatMap((table) => table.groups));
  const specs = ordered
    .flatMap((rule) => rule.params)
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  const refined = [...new Set(ordered.flatMap((rule) => refinedParams(rule.refinement)))].map(
    (name) => [name, 'string'] as const,
  );
  const headers = specs.filter((spec) => spec.source === 'header').map((spec) => spec.key);
  return Object.freeze({
    rules: Object.freeze(mapRules(ordered, groups)),
    trie: new Trie(ordered),
    params: Object.freeze(
      Object.fromEntries([...specs.map((spec) => [spec.name, spec.type] as const), ...refined]),
    ),
    hostGroups: Object.freeze(groups.map((group) => group.name)),
    canonical: { rules: ordered.map(canonicalRule), groups: groups.map(canonicalGroup) },
    readHeaders: new Set([
      'host',
      'content-type',
      'content-encoding',
      'soapaction',
      ...OVERRIDE_HEADERS,
      ...headers,
    ]),
  });
}

function mapRules(rules: readonly Rule[], groups: readonly GroupTable[]): readonly MappedRule[] {
  // Tables have many rules for few hosts.
  const selectors = new Map<string, GroupSelector>();
  return rules.map((rule) => {
    const key = `${rule.host.kind} ${rule.host.name} ${rule.port}`;
    const selector = selectors.get(key) ?? selectGroups(rule, groups);
    selectors.set(key, selector);
    return Object.freeze({ rule, groups: selector, bodyNeed: bodyNeedOf(rule) });
  });
}

/** A fact that stands in the query could stand in the body as well. */
function bodyNeedOf({ params, refinement }: Rule): BodyNeed {
  if (params.some((spec) => spec.source !== 'path' && spec.source !== 'header')) return 'whole';
  if (refinement === undefined) return 'none';
  return refinement.refiner === 'git-receive-pack' ? 'head' : 'whole';
}

/** A group may be named in several tables; its hosts are those of all of them. */
function mergeGroups(tables: readonly GroupTable[]): readonly GroupTable[] {
  const hosts = new Map<string, HostPattern[]>();
  for (const table of tables) hosts.set(table.name, [...(hosts.get(table.name) ?? []), ...table.hosts]);
  return [...hosts].map(([name, patterns]) => ({ name, hosts: patterns })).sort(byName);
}

function byName(left: GroupTable, right: GroupTable): number {
  return left.name < right.name ? -1 : 1;
}

function canonicalRule(rule: Rule): unknown {
  return {
    scheme: rule.scheme,
    host: rule.host.text,
    port: rule.port,
    path: rule.path.text,
    method: rule.methods,
    action_class: rule.actionClass.name,
    params: Object.fromEntries(rule.params.map((spec) => [spec.name, spec.text])),
    fold: rule.foldMask,
    encoded_slash: rule.encodedSlash,
    refine: rule.refinement === undefined ? null : canonicalRefinement(rule.refinement),
  };
}

function canonicalRefinement({ refiner, classes }: Refinement): unknown {
  return { refiner, map: Object.fromEntries([...classes].map(([name, info]) => [name, info.name])) };
}

function canonicalGroup(group: GroupTable): unknown {
  return { name: group.name, hosts: [...new Set(group.hosts.map((host) => host.text))].sort() };
}
