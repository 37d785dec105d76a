import type { HostPattern, PathPattern } from './pattern.ts';
import type { Rule } from './rules.ts';
import { segmentRank, WILDCARD_RANK, type SegmentPattern } from './segment.ts';

/** One position at which one of two rules is the more specific. */
export interface Difference {
  /** Negative where the left one is. */
  readonly sign: number;
  /** For a person, the more specific one first: ``path segment 4: the literal `pulls` before `*` ``. */
  readonly why: string;
}

/**
 * Where two rules differ, from the left: host, path segments, method (semantics §2, "First match wins").
 *
 * INVARIANT: of two rules that some request matches both, the first difference says which one answers.
 */
export function differences(left: Rule, right: Rule): readonly Difference[] {
  const found: Difference[] = [];
  const host = hostRank(left.host) - hostRank(right.host);
  add(found, host, 'host', shownHost(left.host), shownHost(right.host));
  addPathDifferences(found, left.path, right.path);
  const method = Number(left.methods.length === 0) - Number(right.methods.length === 0);
  add(found, method, 'method', shownMethods(left), shownMethods(right));
  return found;
}

/** The segment of a pattern at a position, from 0: a last `**` stands for every one that follows. */
export function segmentAt({ segments }: PathPattern, position: number): SegmentPattern | undefined {
  const last = segments.at(-1);
  return segments[position] ?? (last?.kind === 'rest' ? last : undefined);
}

function addPathDifferences(found: Difference[], left: PathPattern, right: PathPattern): void {
  if (left.any || right.any) {
    add(found, Number(left.any) - Number(right.any), 'path', shownPath(left), shownPath(right));
    return;
  }
  const length = Math.max(left.segments.length, right.segments.length);
  for (let position = 0; position < length; position++) {
    const one = segmentAt(left, position);
    const other = segmentAt(right, position);
    if (one === undefined || other === undefined) return;
    const sign = segmentRank(one) - segmentRank(other);
    const both = one.kind === 'inner' && other.kind === 'inner';
    const what = `path segment ${position + 1}`;
    add(found, sign, what, shownSegment(one), shownSegment(other), both ? ', with more of it literal' : '');
  }
}

function add(
  found: Difference[],
  sign: number,
  what: string,
  left: string,
  right: string,
  remark = '',
): void {
  if (sign === 0) return;
  const [first, second] = sign < 0 ? [left, right] : [right, left];
  found.push({ sign, why: `${what}: ${first} before ${second}${remark}` });
}

/** Of host patterns that share a host, the longer name is the narrower one. */
function hostRank({ kind, name }: HostPattern): number {
  if (kind === 'exact') return 0;
  return kind === 'below' ? WILDCARD_RANK - name.length : WILDCARD_RANK;
}

function shownHost({ kind, text }: HostPattern): string {
  return kind === 'exact' ? `the exact \`${text}\`` : `\`${text}\``;
}

function shownPath({ any, text }: PathPattern): string {
  return any ? 'any path' : `\`${text}\``;
}

function shownSegment(segment: SegmentPattern): string {
  if (segment.kind === 'literal') return `the literal \`${segment.text}\``;
  return segment.kind === 'inner' ? `\`${segment.text}\`` : segment.kind === 'one' ? '`*`' : '`**`';
}

function shownMethods({ methods }: Rule): string {
  return methods.length === 0 ? 'any' : `\`${methods.join(',')}\``;
}
