import { KNOWN_METHODS } from './method.ts';
import { isFolded } from './pattern.ts';
import type { Rule } from './rules.ts';
import type { InnerPattern, SegmentPattern } from './segment.ts';
import {
  edgeSlot,
  HAS_FOLDED,
  HAS_INNER,
  HAS_LITERAL,
  hashText,
  NONE,
  originKey,
  type TrieLayout,
} from './trie-layout.ts';

interface DraftEdge {
  readonly text: string;
  readonly fold: boolean;
  readonly child: DraftNode;
}

interface InnerEdge {
  readonly pattern: InnerPattern;
  readonly fold: boolean;
  readonly child: DraftNode;
}

class DraftNode {
  readonly id: number;
  /** Index of the first rule that came through; rules come in order. */
  readonly sample: number;
  readonly literals = new Map<string, DraftEdge>();
  readonly inner = new Map<string, InnerEdge>();
  one: DraftNode | undefined;
  exact: DraftNode | undefined;
  below: DraftNode | undefined;
  rest = NONE;
  end = NONE;
  any = NONE;

  constructor(id: number, sample: number) {
    this.id = id;
    this.sample = sample;
  }
}

/** Grows a trie rule by rule, then freezes it into arrays. */
export class TrieBuilder {
  readonly #nodes: DraftNode[] = [];
  readonly #places: Map<string, number>[] = [];
  readonly #origins = new Map<number, DraftNode>();

  /** @param index of the rule in its ordered list; indexes come in ascending order */
  add(rule: Rule, index: number): void {
    const place = this.#placeOf(rule, index);
    for (const method of rule.methods.length === 0 ? [''] : rule.methods) {
      this.#places[place]?.set(method, index);
    }
  }

  freeze(): TrieLayout {
    const nodes = this.#nodes;
    const column = (pick: (node: DraftNode) => number): Int32Array => Int32Array.from(nodes, pick);
    const inner = nodes.map(innerEdges);
    let innerCount = 0;
    const innerStart = [0, ...inner.map((edges) => (innerCount += edges.length))];
    const allInner = inner.flat();
    const methods = this.#methodIds();
    return {
      ...freezeEdges(nodes),
      traits: Uint8Array.from(nodes, traitsOf),
      one: column((node) => idOf(node.one)),
      rest: column((node) => node.rest),
      end: column((node) => node.end),
      any: column((node) => node.any),
      exact: column((node) => idOf(node.exact)),
      below: column((node) => idOf(node.below)),
      sample: column((node) => node.sample),
      innerStart: Int32Array.from(innerStart),
      innerPattern: allInner.map((edge) => edge.pattern),
      innerFold: allInner.map((edge) => edge.fold),
      innerChild: Int32Array.from(allInner, (edge) => edge.child.id),
      slots: this.#slots(methods),
      stride: methods.size + 1,
      methods,
      origins: new Map([...this.#origins].map(([key, node]) => [key, node.id])),
    };
  }

  #node(sample: number): DraftNode {
    const node = new DraftNode(this.#nodes.length, sample);
    this.#nodes.push(node);
    return node;
  }

  #place(): number {
    return this.#places.push(new Map()) - 1;
  }

  #placeOf(rule: Rule, index: number): number {
    let node = this.#pathRoot(rule, index);
    if (rule.path.any) return (node.any = node.any === NONE ? this.#place() : node.any);
    for (const [position, segment] of rule.path.segments.entries()) {
      if (segment.kind === 'rest') return (node.rest = node.rest === NONE ? this.#place() : node.rest);
      node = this.#child(node, segment, isFolded(rule.foldMask, position), index);
    }
    return (node.end = node.end === NONE ? this.#place() : node.end);
  }

  #pathRoot(rule: Rule, index: number): DraftNode {
    const key = originKey(rule.scheme, rule.port);
    let node = this.#origins.get(key) ?? this.#node(index);
    this.#origins.set(key, node);
    if (rule.host.kind === 'any') return (node.below ??= this.#node(index));
    for (const label of rule.host.name.split('.').toReversed()) {
      node = this.#child(node, { kind: 'literal', text: label }, false, index);
    }
    return rule.host.kind === 'below'
      ? (node.below ??= this.#node(index))
      : (node.exact ??= this.#node(index));
  }

  #child(
    node: DraftNode,
    segment: Exclude<SegmentPattern, { kind: 'rest' }>,
    fold: boolean,
    index: number,
  ): DraftNode {
    if (segment.kind === 'one') return (node.one ??= this.#node(index));
    const text = fold ? segment.text.toLowerCase() : segment.text;
    const key = `${fold}:${text}`;
    const known = segment.kind === 'literal' ? node.literals.get(key) : node.inner.get(key);
    if (known !== undefined) return known.child;
    const child = this.#node(index);
    if (segment.kind === 'literal') node.literals.set(key, { text, fold, child });
    else node.inner.set(key, { pattern: segment, fold, child });
    return child;
  }

  #methodIds(): ReadonlyMap<string, number> {
    const named = this.#places.flatMap((place) => [...place.keys()]).filter((method) => method !== '');
    return new Map([...new Set([...KNOWN_METHODS, ...named])].map((method, id) => [method, id]));
  }

  #slots(methods: ReadonlyMap<string, number>): Int32Array {
    const stride = methods.size + 1;
    const slots = new Int32Array(this.#places.length * stride).fill(NONE);
    for (const [place, rules] of this.#places.entries()) {
      for (const [method, rule] of rules) slots[place * stride + (methods.get(method) ?? stride - 1)] = rule;
    }
    return slots;
  }
}

function idOf(node: DraftNode | undefined): number {
  return node?.id ?? NONE;
}

function innerEdges(node: DraftNode): readonly InnerEdge[] {
  return [...node.inner.values()].sort((left, right) => right.pattern.literals - left.pattern.literals);
}

function traitsOf(node: DraftNode): number {
  let traits = node.inner.size === 0 ? 0 : HAS_INNER;
  for (const edge of node.literals.values()) traits |= edge.fold ? HAS_FOLDED : HAS_LITERAL;
  return traits;
}

function freezeEdges(
  nodes: readonly DraftNode[],
): Pick<TrieLayout, 'edgeNode' | 'edgeText' | 'edgeFold' | 'edgeChild'> {
  const count = nodes.reduce((sum, node) => sum + node.literals.size, 0);
  const size = 2 ** Math.ceil(Math.log2(Math.max(count, 1) * 2));
  const edgeNode = new Int32Array(size).fill(NONE);
  const edgeText = Array.from({ length: size }, () => '');
  const edgeFold = new Uint8Array(size);
  const edgeChild = new Int32Array(size).fill(NONE);
  for (const node of nodes) {
    for (const { text, fold, child } of node.literals.values()) {
      let slot = edgeSlot(node.id, hashText(text, 0, text.length), size - 1);
      while (edgeNode[slot] !== NONE) slot = (slot + 1) & (size - 1);
      edgeNode[slot] = node.id;
      edgeText[slot] = text;
      edgeFold[slot] = fold ? 1 : 0;
      edgeChild[slot] = child.id;
    }
  }
  return { edgeNode, edgeText, edgeFold, edgeChild };
}
