import type { ParamType } from '../registry/param-type.ts';
import type { HostPattern } from './pattern.ts';
import { selectGroups, type GroupSelector } from './groups.ts';
import { OVERRIDE_HEADERS } from './method-override.ts';
import { orderRules } from './precedence.ts';
import { parseRules, type GroupTable, type MappingSource, type Rule } from './rules.ts';
import { Trie } from './trie.ts';

/** A rule with what is known of its calls when the tables load. */
export interface MappedRule {
  readonly rule: Rule;
  readonly groups: GroupSelector;
  /** Some fact stands in the body, or could: it is read whole before the call is decided. */
  readonly readsBody: boolean;
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
  const headers = specs.filter((spec) => spec.source === 'header').map((spec) => spec.key);
  return Object.freeze({
    rules: Object.freeze(ordered.map((rule) => mapRule(rule, groups))),
    trie: new Trie(ordered),
    params: Object.freeze(Object.fromEntries(specs.map((spec) => [spec.name, spec.type]))),
    hostGroups: Object.freeze(groups.map((group) => group.name)),
    canonical: { rules: ordered.map(canonicalRule), groups: groups.map(canonicalGroup) },
    readHeaders: new Set(['host', 'content-type', 'content-encoding', ...OVERRIDE_HEADERS, ...headers]),
  });
}

function mapRule(rule: Rule, groups: readonly GroupTable[]): MappedRule {
  const readsBody = rule.params.some((spec) => spec.source !== 'path' && spec.source !== 'header');
  return Object.freeze({ rule, groups: selectGroups(rule, groups), readsBody });
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
  };
}

function canonicalGroup(group: GroupTable): unknown {
  return { name: group.name, hosts: [...new Set(group.hosts.map((host) => host.text))].sort() };
}
