import { KNOWN_METHODS } from './method.ts';
import { isFolded } from './pattern.ts';
import type { Rule } from './rules.ts';
import type { InnerPattern, SegmentPattern } from './segment.ts';

/** Where a pattern ends: rule by method, `''` for a rule without one. */
export type DraftPlace = Map<string, number>;

/** An edge behind a text (a literal one), or behind a pattern with a wildcard inside. */
export interface DraftEdge<T> {
  readonly by: T;
  readonly fold: boolean;
  readonly child: DraftNode;
}

/** A position in a path, after some segments. */
export class DraftNode {
  readonly id: number;
  /** Index of the first rule that came through; rules come in order. */
  readonly first: number;
  literals: Map<string, DraftEdge<string>> | undefined;
  inners: Map<string, DraftEdge<InnerPattern>> | undefined;
  one: DraftNode | undefined;
  rest: DraftPlace | undefined;
  end: DraftPlace | undefined;
  /** At the root of a host's paths: of a rule for any path. */
  any: DraftPlace | undefined;

  constructor(id: number, first: number) {
    this.id = id;
    this.first = first;
  }
}

/** Grows the path patterns of all hosts, rule by rule, into one trie a host pattern. */
export class TrieBuilder {
  readonly nodes: DraftNode[] = [];

  /** @param first index of the rule that asks for the node; a node of its own is the root of a host pattern */
  node(first: number): DraftNode {
    const node = new DraftNode(this.nodes.length, first);
    this.nodes.push(node);
    return node;
  }

  /** @param index of the rule in its ordered list; indexes come in ascending order */
  add(root: DraftNode, rule: Rule, index: number): void {
    const place = this.#place(root, rule, index);
    for (const method of rule.methods.length === 0 ? [''] : rule.methods) place.set(method, index);
  }

  #place(root: DraftNode, { path, foldMask }: Rule, index: number): DraftPlace {
    if (path.any) return (root.any ??= new Map());
    let node = root;
    for (const [position, segment] of path.segments.entries()) {
      if (segment.kind === 'rest') return (node.rest ??= new Map());
      node = this.#child(node, segment, isFolded(foldMask, position), index);
    }
    return (node.end ??= new Map());
  }

  #child(
    node: DraftNode,
    segment: Exclude<SegmentPattern, { kind: 'rest' }>,
    fold: boolean,
    index: number,
  ): DraftNode {
    if (segment.kind === 'one') return (node.one ??= this.node(index));
    const text = fold ? segment.text.toLowerCase() : segment.text;
    const key = fold ? `folded ${text}` : text;
    const known = segment.kind === 'literal' ? node.literals?.get(key) : node.inners?.get(key);
    if (known !== undefined) return known.child;
    const child = this.node(index);
    if (segment.kind === 'literal') (node.literals ??= new Map()).set(key, { by: text, fold, child });
    else (node.inners ??= new Map()).set(key, { by: segment, fold, child });
    return child;
  }
}

/**
 * The rules of all places: one row a place, one column a method. What HEAD takes from GET, and known methods from a
 * rule without any, is filled in.
 */
export class MethodTable {
  /** Column by method. */
  readonly methods: ReadonlyMap<string, number>;
  readonly #rules: number[] = [];

  constructor(rules: readonly Rule[]) {
    const names = new Set([...KNOWN_METHODS, ...rules.flatMap((rule) => rule.methods)]);
    this.methods = new Map([...names].map((method, column) => [method, column]));
  }

  /** @returns where the place's row begins, or -1 where there is none */
  add(place: DraftPlace | undefined): number {
    if (place === undefined) return -1;
    const start = this.#rules.length;
    for (const [method, column] of this.methods) {
      const named = place.get(method) ?? (method === 'HEAD' ? place.get('GET') : undefined);
      const unnamed = column < KNOWN_METHODS.length ? place.get('') : undefined;
      this.#rules.push(named ?? unnamed ?? -1);
    }
    return start;
  }

  freeze(): Int32Array {
    return Int32Array.from(this.#rules);
  }
}
