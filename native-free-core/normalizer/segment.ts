/**
 * One segment of a path pattern.
 *
 * `literal`: that text. `inner`: text with one or two `*` in it, each zero or more characters. `one`: exactly
 * one segment. `rest`: one or more remaining segments; only ever the last.
 */
export type SegmentPattern =
  | { readonly kind: 'literal'; readonly text: string }
  | InnerPattern
  | { readonly kind: 'one' }
  | { readonly kind: 'rest' };

export interface InnerPattern {
  readonly kind: 'inner';
  readonly text: string;
  readonly prefix: string;
  /** What stands between two `*`; undefined where there is one. */
  readonly middle: string | undefined;
  readonly suffix: string;
  /** Characters that are not `*`: of two such patterns the one with more is the more specific. */
  readonly literals: number;
}

// Most segments of tables: one object of each, in what is posted too.
const ONE: SegmentPattern = Object.freeze({ kind: 'one' });
const REST: SegmentPattern = Object.freeze({ kind: 'rest' });

/** Reads one segment as written; undefined where it has more wildcards than the grammar allows. */
export function compileSegment(text: string): SegmentPattern | undefined {
  if (text === '*') return ONE;
  if (text === '**') return REST;
  const parts = text.split('*');
  const [prefix = '', second = '', third] = parts;
  if (parts.length === 1) return { kind: 'literal', text };
  if (parts.length > 3 || text.includes('**')) return undefined;
  const literals = text.length - (parts.length - 1);
  return third === undefined
    ? { kind: 'inner', text, prefix, middle: undefined, suffix: second, literals }
    : { kind: 'inner', text, prefix, middle: second, suffix: third, literals };
}

/** The rank of a `*` segment; more than the characters of any pattern. */
export const WILDCARD_RANK = 1_000_000;

/** Of two segments at one position the one with the lower rank is the more specific (semantics §2). */
export function segmentRank(segment: SegmentPattern): number {
  if (segment.kind === 'literal') return 0;
  if (segment.kind === 'inner') return WILDCARD_RANK - segment.literals;
  return segment.kind === 'one' ? WILDCARD_RANK : WILDCARD_RANK + 1;
}

/** Lower case of an ASCII letter's code, any other code as it is. */
export function lowerCode(code: number): number {
  return code >= 65 && code <= 90 ? code + 32 : code;
}

/** Whether `literal` stands in `text` at `at`; with `fold`, whatever the case of its letters. No allocation. */
export function standsAt(literal: string, text: string, at: number, fold: boolean): boolean {
  if (!fold) return text.startsWith(literal, at);
  if (at + literal.length > text.length) return false;
  for (let i = 0; i < literal.length; i++) {
    if (lowerCode(literal.charCodeAt(i)) !== lowerCode(text.charCodeAt(at + i))) return false;
  }
  return true;
}

/** Whether the characters of `text` from `start` to `end` match a pattern with wildcards inside. No allocation. */
export function innerMatches(
  pattern: InnerPattern,
  text: string,
  start: number,
  end: number,
  fold: boolean,
): boolean {
  const from = start + pattern.prefix.length;
  const to = end - pattern.suffix.length;
  if (from > to || !standsAt(pattern.prefix, text, start, fold)) return false;
  if (!standsAt(pattern.suffix, text, to, fold)) return false;
  if (pattern.middle === undefined) return true;
  if (!fold) {
    const at = text.indexOf(pattern.middle, from);
    return at !== -1 && at + pattern.middle.length <= to;
  }
  for (let at = from; at + pattern.middle.length <= to; at++) {
    if (standsAt(pattern.middle, text, at, fold)) return true;
  }
  return false;
}

/** Whether some segment matches both; `fold` where either compares in lower case. */
export function segmentsMeet(left: SegmentPattern, right: SegmentPattern, fold: boolean): boolean {
  if (!('text' in left) || !('text' in right)) return true;
  if (left.kind === 'literal') {
    return right.kind === 'literal'
      ? textsMeet(left.text, right.text, fold)
      : innerMeets(right, left.text, fold);
  }
  if (right.kind === 'literal') return innerMeets(left, right.text, fold);
  // Both prefixes, both middles and both suffixes in a row match both, unless prefixes or suffixes contradict.
  const prefix = Math.min(left.prefix.length, right.prefix.length);
  const suffix = Math.min(left.suffix.length, right.suffix.length);
  return (
    textsMeet(left.prefix.slice(0, prefix), right.prefix.slice(0, prefix), fold) &&
    textsMeet(
      left.suffix.slice(left.suffix.length - suffix),
      right.suffix.slice(right.suffix.length - suffix),
      fold,
    )
  );
}

function textsMeet(left: string, right: string, fold: boolean): boolean {
  return left.length === right.length && standsAt(left, right, 0, fold);
}

function innerMeets(pattern: InnerPattern, text: string, fold: boolean): boolean {
  return innerMatches(pattern, text, 0, text.length, fold);
}
