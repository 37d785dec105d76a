import { isFolded } from './pattern.ts';
import type { Rule } from './rules.ts';
import type { InnerPattern, SegmentPattern } from './segment.ts';
import { segmentAt } from './specificity.ts';
import { FRESH } from './witness.ts';

interface Placed {
  readonly segment: SegmentPattern;
  readonly fold: boolean;
}

/**
 * A path that the patterns of both rules match, filled with `FRESH` where neither has text of its own.
 *
 * @returns undefined where none was found; the caller still asks both rules
 */
export function meetingPath(left: Rule, right: Rule): string | undefined {
  let path = '';
  for (let position = 0; ; position++) {
    const one = placed(left, position);
    const other = placed(right, position);
    const isOver = one === undefined || other === undefined;
    // Past its last segment a pattern for any path has nothing to say.
    const [first, second] = isOver ? [one ?? other, one ?? other] : [one, other];
    if (first === undefined || second === undefined) return path || '/';
    if (isOver && !left.path.any && !right.path.any) return undefined;
    const text = segmentText(first, second);
    if (text === undefined) return undefined;
    path += `/${text}`;
    if (isLast(left, position) && isLast(right, position)) return path;
  }
}

function placed({ path, foldMask }: Rule, position: number): Placed | undefined {
  const segment = segmentAt(path, position);
  return segment && { segment, fold: isFolded(foldMask, position) };
}

function isLast({ path }: Rule, position: number): boolean {
  return path.any || position >= path.segments.length - 1;
}

function segmentText(left: Placed, right: Placed): string | undefined {
  const both = [left, right];
  const literals = both.filter(({ segment }) => segment.kind === 'literal');
  // A folded literal takes another's spelling, never the other way round.
  const literal = literals.find(({ fold }) => !fold) ?? literals[0];
  if (literal?.segment.kind === 'literal') return literal.segment.text;
  const inner = both.flatMap(({ segment }) => (segment.kind === 'inner' ? [segment] : []));
  const [one, other] = inner;
  if (one === undefined) return FRESH;
  if (other === undefined || one.text === other.text) return one.text.replaceAll('*', FRESH);
  return left.fold || right.fold ? sharedText(lower(one), lower(other)) : sharedText(one.text, other.text);
}

function lower({ text }: InnerPattern): string {
  return text.toLowerCase();
}

/** A text that two patterns with `*` match both, or undefined. */
function sharedText(left: string, right: string): string | undefined {
  if (left === '' && right === '') return '';
  if (left.startsWith('*')) return sharedText(left.slice(1), right) ?? taken(left, right);
  if (right.startsWith('*')) return sharedText(right.slice(1), left) ?? taken(right, left);
  if (left === '' || left[0] !== right[0]) return undefined;
  const rest = sharedText(left.slice(1), right.slice(1));
  return rest === undefined ? undefined : `${left[0] ?? ''}${rest}`;
}

/** The leading `*` of the first takes the first character of the second. */
function taken(star: string, other: string): string | undefined {
  if (other === '') return undefined;
  const rest = sharedText(star, other.slice(1));
  return rest === undefined || other.startsWith('*') ? rest : `${other[0] ?? ''}${rest}`;
}
