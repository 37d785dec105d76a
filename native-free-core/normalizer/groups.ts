import { hostMatches, type HostPattern } from './pattern.ts';
import type { GroupTable, Rule } from './rules.ts';

interface Membership {
  readonly group: string;
  readonly host: HostPattern;
}

/**
 * The groups a rule's hosts are in: those known when the tables load, and patterns that decide host by host.
 * Nearly every rule has none of the latter, and then a lookup is free.
 */
export interface GroupSelector {
  readonly fixed: readonly string[];
  readonly perHost: readonly Membership[];
}

/** Works out which groups can hold a host of that rule. A pattern without a port holds every port of its hosts. */
export function selectGroups(rule: Rule, groups: readonly GroupTable[]): GroupSelector {
  const fixed = new Set<string>();
  const perHost: Membership[] = [];
  for (const { name, hosts } of groups) {
    for (const host of hosts) {
      if (host.port !== undefined && host.port !== rule.port) continue;
      if (holdsAll(host, rule.host)) fixed.add(name);
      else if (holdsAll(rule.host, host)) perHost.push({ group: name, host });
    }
  }
  return {
    fixed: Object.freeze([...fixed].sort()),
    perHost: perHost.filter((membership) => !fixed.has(membership.group)),
  };
}

/** The names of the groups a host is in, sorted. */
export function groupsOf(selector: GroupSelector, host: string): readonly string[] {
  if (selector.perHost.length === 0) return selector.fixed;
  const names = new Set(selector.fixed);
  for (const membership of selector.perHost) {
    if (hostMatches(membership.host, host)) names.add(membership.group);
  }
  return [...names].sort();
}

/** Whether every host of the narrower pattern matches the wider one. Two patterns overlap only so, either way round. */
function holdsAll(wider: HostPattern, narrower: HostPattern): boolean {
  if (wider.kind === 'any') return true;
  if (narrower.kind === 'any') return false;
  if (narrower.kind === 'exact') return hostMatches(wider, narrower.name);
  return wider.kind === 'below' && (wider.name === narrower.name || hostMatches(wider, narrower.name));
}
