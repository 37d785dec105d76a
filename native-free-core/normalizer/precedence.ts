import { MappingInvalid } from '../errors.ts';
import { answeredMethods, headPlaces } from './answered-methods.ts';
import { isFolded } from './pattern.ts';
import type { Rule } from './rules.ts';
import { segmentRank, segmentsMeet, WILDCARD_RANK } from './segment.ts';

const REST = WILDCARD_RANK + 1;
const ANY = WILDCARD_RANK + 2;

/**
 * Sorts rules by left-to-right specificity: host labels from the registrable end, path segments from the left,
 * then method; at each position a literal, then a segment with a wildcard inside (more literals first), then
 * `*`, `**`, any (semantics §2, "First match wins").
 *
 * INVARIANT: of two rules that match one request, the earlier one answers. The order does not depend on the
 * order of the rules given.
 * @throws MappingInvalid for two rules that no position separates and that some request matches both
 */
export function orderRules(rules: readonly Rule[]): readonly Rule[] {
  const ranked = rules.map((rule) => ({ rule, ranks: ranksOf(rule), text: textOf(rule) }));
  ranked.sort((left, right) => compareRanks(left.ranks, right.ranks) || compareTexts(left.text, right.text));
  const ordered = ranked.map((entry) => entry.rule);
  refuseConflicts(ordered);
  return ordered;
}

function ranksOf(rule: Rule): readonly number[] {
  const hostRanks =
    rule.host.kind === 'any'
      ? [ANY]
      : [...rule.host.name.split('.').map(() => 0), rule.host.kind === 'below' ? REST : 0];
  const pathRanks = rule.path.any ? [ANY] : [...rule.path.segments.map(segmentRank), 0];
  return [...hostRanks, ...pathRanks, rule.methods.length === 0 ? ANY : 0];
}

function compareRanks(left: readonly number[], right: readonly number[]): number {
  const length = Math.min(left.length, right.length);
  for (let i = 0; i < length; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

function textOf(rule: Rule): string {
  const { scheme, port, host, path, methods, foldMask } = rule;
  return JSON.stringify([scheme, port, host.text, path.text, methods, foldMask, rule.where]);
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function refuseConflicts(ordered: readonly Rule[]): void {
  const heads = headPlaces(ordered);
  // By `conflictKey`, then by the lengths and the texts of what stands before and behind wildcards in segments.
  const groups = new Map<string, Map<string, Map<string, Rule[]>>>();
  for (const rule of ordered) {
    const key = conflictKey(rule);
    const shapes = groups.get(key) ?? new Map<string, Map<string, Rule[]>>();
    groups.set(key, shapes);
    const ends = endsOf(rule);
    const shape = ends.map((end) => end.length).join();
    const texts = ends.join('/');
    for (const [otherShape, byTexts] of shapes) {
      // Of one shape only those with the same texts can meet: a large table stays cheap to check.
      const candidates = otherShape === shape ? [byTexts.get(texts) ?? []] : byTexts.values();
      for (const others of candidates) for (const other of others) refuseConflict(rule, other, heads);
    }
    const byTexts = shapes.get(shape) ?? new Map<string, Rule[]>();
    shapes.set(shape, byTexts);
    const alike = byTexts.get(texts);
    if (alike === undefined) byTexts.set(texts, [rule]);
    else alike.push(rule);
  }
}

function refuseConflict(rule: Rule, other: Rule, heads: ReadonlySet<string>): void {
  if (!pathsMeet(rule, other) || !methodsMeet(rule, other, heads)) return;
  throw new MappingInvalid(
    `this rule and the one at ${other.where} match the same requests and neither is more specific; ` +
      'remove one, or make its path or method narrower',
    { file: rule.file, line: rule.line },
  );
}

/** What stands before the first and behind the last wildcard of each segment that has one inside, in lower case. */
function endsOf({ path }: Rule): readonly string[] {
  return path.segments.flatMap((segment) =>
    segment.kind === 'inner' ? [segment.prefix.toLowerCase(), segment.suffix.toLowerCase()] : [],
  );
}

/**
 * Rules that can conflict share this: the same origin, and at each position the same kind of segment. Literals
 * count with their text, which keeps the groups small.
 */
function conflictKey(rule: Rule): string {
  const segments = rule.path.segments.map((segment) =>
    segment.kind === 'literal' ? segment.text.toLowerCase() : segmentRank(segment),
  );
  const { scheme, port, host, path } = rule;
  return JSON.stringify([scheme, port, host.kind, host.name, path.any, segments, rule.methods.length === 0]);
}

function pathsMeet(left: Rule, right: Rule): boolean {
  return left.path.segments.every((segment, position) => {
    const other = right.path.segments[position];
    const fold = isFolded(left.foldMask, position) || isFolded(right.foldMask, position);
    return other !== undefined && segmentsMeet(segment, other, fold);
  });
}

function methodsMeet(left: Rule, right: Rule, heads: ReadonlySet<string>): boolean {
  if (left.methods.length === 0) return true;
  const methods = answeredMethods(right, heads);
  return answeredMethods(left, heads).some((method) => methods.includes(method));
}
