import { KNOWN_METHODS } from './method.ts';
import { isFolded } from './pattern.ts';
import type { Rule } from './rules.ts';

/** A text that is equal for rules whose methods stand beside one another: same origin, host and path, folded alike. */
export function placeOf({ scheme, port, host, path, foldMask }: Rule): string {
  const segments = path.segments.map((segment, position) => {
    if (!('text' in segment)) return [segment.kind];
    return isFolded(foldMask, position) ? ['folded', segment.text.toLowerCase()] : segment.text;
  });
  return JSON.stringify([scheme, port, host.kind, host.name, path.any, segments]);
}

/** The places where a rule names HEAD, so that one for GET does not answer it. */
export function headPlaces(rules: Iterable<Rule>): ReadonlySet<string> {
  const places = new Set<string>();
  for (const rule of rules) if (rule.methods.includes('HEAD')) places.add(placeOf(rule));
  return places;
}

/**
 * The methods of the requests a rule matches: those it names, HEAD through GET, or every known one.
 *
 * @param heads from `headPlaces`
 */
export function answeredMethods(rule: Rule, heads: ReadonlySet<string>): readonly string[] {
  const { methods } = rule;
  if (methods.length === 0) return KNOWN_METHODS;
  const isHeadToo = methods.includes('GET') && !methods.includes('HEAD') && !heads.has(placeOf(rule));
  return isHeadToo ? [...methods, 'HEAD'] : methods;
}
