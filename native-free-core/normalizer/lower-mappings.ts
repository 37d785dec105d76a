import { type GroupSelector, selectGroups } from './groups.ts';
import { OVERRIDE_HEADERS } from './method-override.ts';
import type { HostPattern } from './pattern.ts';
import { orderRules } from './precedence.ts';
import type { ParamType } from '../registry/param-type.ts';
import { type Refiner, type Refinement, refinedParams } from './refine/refinement.ts';
import { type GroupTable, type MappingSource, parseRules, type Rule } from './rules.ts';
import { type LoweredTrie, lowerTrie } from './trie.ts';

/** A rule without what is known to every thread: classes stand as their index. */
export interface LoweredRule {
  readonly rule: Omit<Rule, 'actionClass' | 'refinement'>;
  readonly actionClass: number;
  readonly refinement: LoweredRefinement | undefined;
  /** Index of its groups in `selectors`. */
  readonly selector: number;
}

interface LoweredRefinement {
  readonly refiner: Refiner;
  /** By operation. */
  readonly classes: ReadonlyMap<string, number>;
  readonly strictest: number;
}

/** Mapping tables, checked and ordered, as plain data: it can be posted to a thread. */
export interface LoweredMappings {
  /** Most specific first. */
  readonly rules: readonly LoweredRule[];
  /** Every text of the trie. */
  readonly texts: readonly string[];
  readonly trie: LoweredTrie;
  readonly selectors: readonly GroupSelector[];
  readonly params: Readonly<Record<string, ParamType>>;
  /** By name. */
  readonly groups: readonly CanonicalGroup[];
  readonly readHeaders: readonly string[];
}

/** The hosts of a group, whatever their order. */
export interface CanonicalGroup {
  readonly name: string;
  readonly hosts: readonly string[];
}

/**
 * Does all of `loadMappings` that takes long.
 *
 * Cost: 0.1 ms a rule in a new thread.
 *
 * @throws MappingInvalid as `loadMappings`
 */
export function lowerMappings(sources: readonly MappingSource[]): LoweredMappings {
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
  const texts: string[] = [];
  const selectors = new Selectors(groups);
  return {
    rules: ordered.map((rule) => lowerRule(rule, selectors.of(rule))),
    texts,
    trie: lowerTrie(ordered, texts),
    selectors: selectors.all,
    params: Object.fromEntries([...specs.map((spec) => [spec.name, spec.type] as const), ...refined]),
    groups: groups.map(canonicalGroup),
    readHeaders: ['host', 'content-type', 'content-encoding', 'soapaction', ...OVERRIDE_HEADERS, ...headers],
  };
}

/** The groups of rules, each different selector once: tables have many rules for few hosts. */
class Selectors {
  readonly all: GroupSelector[] = [];
  readonly #groups: readonly GroupTable[];
  readonly #byHost = new Map<string, number>();
  readonly #byContent = new Map<string, number>();

  constructor(groups: readonly GroupTable[]) {
    this.#groups = groups;
  }

  of(rule: Rule): number {
    const host = `${rule.host.kind} ${rule.host.name} ${rule.port}`;
    const known = this.#byHost.get(host);
    if (known !== undefined) return known;
    const selector = selectGroups(rule, this.#groups);
    const content = JSON.stringify(selector);
    const index = this.#byContent.get(content) ?? this.all.push(selector) - 1;
    this.#byContent.set(content, index);
    this.#byHost.set(host, index);
    return index;
  }
}

function lowerRule(whole: Rule, selector: number): LoweredRule {
  const { actionClass, refinement, ...rule } = whole;
  return {
    rule,
    actionClass: actionClass.index,
    refinement: refinement === undefined ? undefined : lowerRefinement(refinement),
    selector,
  };
}

function lowerRefinement({ refiner, classes, strictest }: Refinement): LoweredRefinement {
  const indexes = [...classes].map(([operation, info]) => [operation, info.index] as const);
  return { refiner, classes: new Map(indexes), strictest: strictest.index };
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

function canonicalGroup(group: GroupTable): CanonicalGroup {
  return { name: group.name, hosts: [...new Set(group.hosts.map((host) => host.text))].sort() };
}
