import { answeredMethods } from './answered-methods.ts';
import type { CanonicalTarget } from './envelope.ts';
import { hostMatches, pathMatches } from './pattern.ts';
import type { Rule } from './rules.ts';

/**
 * Whether one rule, by itself, matches a request; which of several that do answers is the trie's to say.
 *
 * @param path of the reading: canonical, without a trailing `/`
 * @param heads from `headPlaces`
 */
export function ruleMatches(
  rule: Rule,
  target: CanonicalTarget,
  path: string,
  method: string,
  heads: ReadonlySet<string>,
): boolean {
  return (
    rule.port === target.port &&
    rule.scheme === target.scheme &&
    hostMatches(rule.host, target.host) &&
    pathMatches(rule.path, path, rule.foldMask) &&
    answeredMethods(rule, heads).includes(method)
  );
}

/** What a rule matches, in one line: `GET,POST api.github.com /repos/**`. */
export function writtenRule({ methods, scheme, host, path }: Rule): string {
  const origin = scheme === 'https' ? host.text : `${scheme}://${host.text}`;
  return `${methods.join(',') || '*'} ${origin} ${path.text}`;
}
