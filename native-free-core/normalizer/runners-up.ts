import { headPlaces } from './answered-methods.ts';
import type { CanonicalTarget } from './envelope.ts';
import type { Mappings } from './mappings.ts';
import { ruleMatches } from './rule-match.ts';
import type { Rule } from './rules.ts';
import { differences } from './specificity.ts';

/** A rule that matches a request which another one answers. */
export interface RunnerUp {
  readonly rule: Rule;
  /** The first position at which the winner is more specific. */
  readonly why: string;
}

/**
 * The rules that match the same request as the winner and lost, most specific first.
 *
 * @param path of the reading: canonical, without a trailing `/`
 * Cost: one look at every rule; for a person who asks, not for a call.
 */
export function runnersUp(
  { rules }: Mappings,
  winner: Rule,
  target: CanonicalTarget,
  path: string,
  method: string,
): readonly RunnerUp[] {
  const all = rules.map(({ rule }) => rule);
  const heads = headPlaces(all);
  return all
    .filter((rule) => rule !== winner && ruleMatches(rule, target, path, method, heads))
    .map((rule) => ({ rule, why: differences(winner, rule)[0]?.why ?? 'no position separates them' }));
}
