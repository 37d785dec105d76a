import type { ParamType } from '../registry/param-type.ts';
import type { BodyNeed } from './envelope.ts';
import type { GroupSelector } from './groups.ts';
import { linkMappings } from './link-mappings.ts';
import { lowerMappings } from './lower-mappings.ts';
import type { MappingSource, Rule } from './rules.ts';
import type { Trie } from './trie.ts';

/** A rule with what is known of its calls when the tables load. */
export interface MappedRule {
  readonly rule: Rule;
  readonly groups: GroupSelector;
  /** What has to be read of a body before the call is decided. */
  readonly bodyNeed: BodyNeed;
}

/** All mapping tables, checked, ordered and compiled. Nothing of it changes: a change is a new object. */
export interface Mappings {
  /** The rule of an index that `trie` answers with. */
  rule(index: number): MappedRule | undefined;
  /** All rules, most specific first. They are made when this is first read: not for a thread that decides. */
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
  return linkMappings(lowerMappings(sources));
}
