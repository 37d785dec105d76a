import type { PathPattern } from './pattern.ts';
import { segmentsMeet, type InnerPattern, type SegmentPattern } from './segment.ts';

class Node {
  readonly literals = new Map<string, Node>();
  readonly inner = new Map<string, { readonly segment: InnerPattern; readonly child: Node }>();
  one: Node | undefined;
  /** Numbers of the patterns that end here, and of those that end here in `**`. */
  readonly ends: number[] = [];
  readonly rests: number[] = [];
}

/** Path patterns by their segments, to find those that share a path with another pattern. */
export class PathIndex {
  readonly #root = new Node();
  readonly #any: number[] = [];

  add(path: PathPattern, number: number): void {
    if (path.any) {
      this.#any.push(number);
      return;
    }
    let node = this.#root;
    for (const segment of path.segments) {
      if (segment.kind === 'rest') {
        node.rests.push(number);
        return;
      }
      node = childOf(node, segment);
    }
    node.ends.push(number);
  }

  /** The numbers of the patterns that share a path with that one; the case of letters takes no part. */
  meeting(path: PathPattern): readonly number[] {
    const found = [...this.#any];
    if (path.any) addAll(this.#root, found);
    else addMeeting(this.#root, path.segments, 0, found);
    return found;
  }
}

function childOf(node: Node, segment: Exclude<SegmentPattern, { kind: 'rest' }>): Node {
  if (segment.kind === 'one') return (node.one ??= new Node());
  const key = segment.text.toLowerCase();
  const known = segment.kind === 'literal' ? node.literals.get(key) : node.inner.get(key)?.child;
  if (known !== undefined) return known;
  const child = new Node();
  if (segment.kind === 'literal') node.literals.set(key, child);
  else node.inner.set(key, { segment, child });
  return child;
}

function addMeeting(
  node: Node,
  segments: readonly SegmentPattern[],
  position: number,
  found: number[],
): void {
  const segment = segments[position];
  if (segment === undefined) {
    push(found, node.ends);
    return;
  }
  push(found, node.rests);
  for (const child of childrenMeeting(node, segment)) {
    if (segment.kind === 'rest') addAll(child, found);
    else addMeeting(child, segments, position + 1, found);
  }
}

function childrenMeeting(node: Node, segment: SegmentPattern): readonly Node[] {
  if (!('text' in segment)) return childrenOf(node);
  const children = node.one === undefined ? [] : [node.one];
  if (segment.kind === 'literal') {
    const child = node.literals.get(segment.text.toLowerCase());
    if (child !== undefined) children.push(child);
  } else {
    for (const [text, child] of node.literals) {
      if (segmentsMeet(segment, { kind: 'literal', text }, true)) children.push(child);
    }
  }
  for (const edge of node.inner.values()) {
    if (segmentsMeet(segment, edge.segment, true)) children.push(edge.child);
  }
  return children;
}

function addAll(node: Node, found: number[]): void {
  push(found, node.ends);
  push(found, node.rests);
  for (const child of childrenOf(node)) addAll(child, found);
}

function childrenOf({ one, literals, inner }: Node): readonly Node[] {
  const children = [...literals.values(), ...[...inner.values()].map(({ child }) => child)];
  return one === undefined ? children : [one, ...children];
}

function push(found: number[], numbers: readonly number[]): void {
  for (const number of numbers) found.push(number);
}
