import { answeredMethods, headPlaces } from './answered-methods.ts';
import type { Mappings } from './mappings.ts';
import { PathIndex } from './path-index.ts';
import { meetingPath } from './path-meeting.ts';
import { uidOf } from './resource.ts';
import { ruleMatches } from './rule-match.ts';
import type { Rule } from './rules.ts';
import { differences } from './specificity.ts';
import { FRESH, freshHosts, witness } from './witness.ts';

/** Two rules of different classes that match one request, of which neither is the more specific throughout. */
export interface Overlap {
  /** More specific at an earlier position: the one that answers. */
  readonly answers: Rule;
  /** More specific at a later one. */
  readonly other: Rule;
  /** Such a request: `GET api.example.com/a/b/c`. */
  readonly example: string;
}

/** What a wildcard of an example is filled with: the first of these that no other rule has an answer for. */
const FILLINGS = ['x', 'name', 'a-name', 'any-other-name'];

/**
 * The overlaps that no third, narrower rule settles.
 *
 * @param most the search ends there: a table can have as many as pairs of rules
 * Cost: in the pairs of rules whose patterns meet, not in all pairs.
 */
export function overlapsOf(mappings: Mappings, most: number): readonly Overlap[] {
  const rules = mappings.rules.map(({ rule }) => rule);
  const heads = headPlaces(rules);
  const hosts = indexByHost(rules);
  const overlaps: Overlap[] = [];
  for (const [index, rule] of rules.entries()) {
    for (const number of meetingRules(hosts, rule)) {
      const other = rules[number];
      // The rules stand in order: where two meet, the earlier one answers.
      if (other === undefined || number <= index || !isNarrowerLater(rule, other)) continue;
      const example = exampleOf(mappings, index, rule, other, heads);
      if (example !== undefined) overlaps.push({ answers: rule, other, example });
      if (overlaps.length === most) return overlaps;
    }
  }
  return overlaps;
}

/** The paths of the rules of one host pattern, by the classes the rules give. */
type PathsByClass = Map<string, PathIndex>;

function indexByHost(rules: readonly Rule[]): ReadonlyMap<string, PathsByClass> {
  const hosts = new Map<string, PathsByClass>();
  for (const [index, rule] of rules.entries()) {
    const key = hostKey(rule, rule.host.kind, rule.host.name);
    const classes = hosts.get(key) ?? new Map<string, PathIndex>();
    hosts.set(key, classes);
    const paths = classes.get(classKey(rule)) ?? new PathIndex();
    classes.set(classKey(rule), paths);
    paths.add(rule.path, index);
  }
  return hosts;
}

/** The numbers of the rules of other classes that a rule shares hosts and paths with. */
function* meetingRules(hosts: ReadonlyMap<string, PathsByClass>, rule: Rule): Generator<number> {
  for (const host of hostKeysAround(rule)) {
    for (const [key, paths] of hosts.get(host) ?? []) {
      if (key !== classKey(rule)) yield* paths.meeting(rule.path);
    }
  }
}

function classKey({ actionClass, refinement }: Rule): string {
  return `${actionClass.name} ${refinement?.strictest.name ?? ''}`;
}

/** The host patterns that hold a rule's hosts: its own, those of the domains above, any. */
function hostKeysAround(rule: Rule): readonly string[] {
  const { kind, name } = rule.host;
  const keys = [hostKey(rule, kind, name)];
  if (kind === 'any') return keys;
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    keys.push(hostKey(rule, 'below', name.slice(dot + 1)));
  }
  return [...keys, hostKey(rule, 'any', '')];
}

function hostKey({ scheme, port }: Rule, kind: string, name: string): string {
  return `${scheme} ${port} ${kind} ${name}`;
}

function isNarrowerLater(winner: Rule, other: Rule): boolean {
  return differences(winner, other).some(({ sign }) => sign > 0);
}

function exampleOf(
  { trie }: Mappings,
  index: number,
  winner: Rule,
  other: Rule,
  heads: ReadonlySet<string>,
): string | undefined {
  const fresh = meetingPath(winner, other);
  const [freshHost] = freshHosts(winner.host);
  if (fresh === undefined || freshHost === undefined) return undefined;
  const methods = answeredMethods(other, heads);
  for (const method of answeredMethods(winner, heads)) {
    if (!methods.includes(method)) continue;
    for (const filling of [FRESH, ...FILLINGS]) {
      const host = freshHost.replaceAll(FRESH, filling);
      const { target, path } = witness(winner, host, fresh.replaceAll(FRESH, filling));
      const isBoth =
        trie.match(target, path, method) === index && ruleMatches(other, target, path, method, heads);
      // With text that no pattern has, another rule's answer is one for every such request.
      if (filling === FRESH && !isBoth) break;
      if (filling !== FRESH && isBoth) return `${method} ${uidOf(target, path)}`;
    }
  }
  return undefined;
}
