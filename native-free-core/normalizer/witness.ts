import type { CanonicalTarget } from './envelope.ts';
import { isFolded, type HostPattern } from './pattern.ts';
import type { Rule } from './rules.ts';

/** Stands for text that no pattern has: patterns are ASCII. */
export const FRESH = '\u{e000}';

/** A request, less its method, that a rule matches. */
export interface Witness {
  readonly target: CanonicalTarget;
  readonly path: string;
}

type Spelling = (text: string) => string;

// Four spellings reach every way two letters can be written; a table that names all four of a longer word has
// nothing else in mind.
const SPELLINGS: readonly Spelling[] = [
  (text) => text.toLowerCase(),
  (text) => text.toUpperCase(),
  (text) => text.replaceAll(/[a-z]+/gi, (word) => alternate(word, 0)),
  (text) => text.replaceAll(/[a-z]+/gi, (word) => alternate(word, 1)),
];
const AS_WRITTEN: readonly Spelling[] = [(text) => text];

/**
 * The smallest requests a rule matches: each wildcard filled with text that no pattern has, `**` with one segment or
 * more, folded segments in upper and lower case.
 *
 * INVARIANT: as no literal of another rule matches the filling, another rule that matches one of these matches every
 * request of its shape.
 *
 * @param longest segments of the longest pattern there is
 */
export function* witnessesOf(rule: Rule, longest: number): Generator<Witness> {
  for (const host of freshHosts(rule.host)) {
    for (const path of freshPaths(rule, longest)) yield witness(rule, host, path);
  }
}

/** A request of that rule's scheme and port. */
export function witness({ scheme, port }: Rule, host: string, path: string): Witness {
  return { target: { scheme, host, port, path, matchPath: path, query: '' }, path };
}

/** The smallest hosts a pattern matches. */
export function freshHosts({ kind, name }: HostPattern): readonly string[] {
  if (kind === 'exact') return [name];
  const end = kind === 'below' ? `.${name}` : '';
  return [`${FRESH}${end}`, `${FRESH}.${FRESH}${end}`];
}

function* freshPaths({ path, foldMask }: Rule, longest: number): Generator<string> {
  const isOpen = path.any || path.segments.at(-1)?.kind === 'rest';
  const segments = isOpen ? path.segments.slice(0, -1) : path.segments;
  for (const spelling of foldMask === 0 ? AS_WRITTEN : SPELLINGS) {
    const start = segments.map((segment, position) => {
      if (!('text' in segment)) return `/${FRESH}`;
      const text = isFolded(foldMask, position) ? spelling(segment.text) : segment.text;
      return `/${text.replaceAll('*', FRESH)}`;
    });
    if (!isOpen) {
      yield start.join('') || '/';
      continue;
    }
    if (path.any) yield '/';
    for (let more = 1; more <= longest + 1; more++) yield start.join('') + `/${FRESH}`.repeat(more);
  }
}

function alternate(word: string, upper: number): string {
  return [...word]
    .map((letter, index) => (index % 2 === upper ? letter.toUpperCase() : letter.toLowerCase()))
    .join('');
}
