import { EdgeTable, HASH_START, hashCode, lowerEdges, type LoweredEdges } from './edge-table.ts';
import { innerMatches, type InnerPattern } from './segment.ts';
import type { DraftNode, MethodTable } from './trie-builder.ts';

// A node is the offset of its fields in `#nodes`, one behind the other; a field that holds nothing is -1.
// These are not exported: the engine takes them for constants only so.
const NODE_SIZE = 8;
/** The first rule at or below: the best that can be found there, and what a refusal names as the nearest. */
const FIRST = 0;
/** What goes on from here: a sum of the kinds below. */
const KINDS = 1;
/** The node behind a `*` segment. */
const ONE = 2;
/** Places: of a `**`, of a path that ends here, at a root that of a rule for any path. */
const REST = 3;
const END = 4;
const ANY = 5;
/** Edges by a pattern with a wildcard inside: from the one index up to the other. */
const INNERS = 6;
const INNERS_END = 7;

const LITERAL = 1;
const FOLDED = 2;
const INNER = 4;
/** A `*` or a `**`. */
const WHOLE = 8;
const SLASH = 47;

/** A path trie as plain data. */
export interface LoweredPaths {
  readonly nodes: Int32Array;
  readonly edges: LoweredEdges;
  readonly inners: readonly LoweredInner[];
  /** Rule by place and method. */
  readonly rules: Int32Array;
}

/** An edge by a pattern with a wildcard inside. */
interface LoweredInner {
  readonly pattern: InnerPattern;
  readonly fold: boolean;
  readonly child: number;
}

/** @param texts takes those of the edges */
export function lowerPaths(
  drafts: readonly DraftNode[],
  methods: MethodTable,
  texts: string[],
): LoweredPaths {
  const nodes = new Int32Array(drafts.length * NODE_SIZE);
  const inners: LoweredInner[] = [];
  for (const { id, first, literals, inners: own, one, rest, end, any } of drafts) {
    let kinds = own === undefined ? 0 : INNER;
    if (one !== undefined || rest !== undefined) kinds |= WHOLE;
    for (const { fold } of literals?.values() ?? []) kinds |= fold ? FOLDED : LITERAL;
    const innersStart = inners.length;
    for (const { by, fold, child } of own?.values() ?? []) {
      inners.push({ pattern: by, fold, child: nodeOf(child) });
    }
    const places = [methods.add(rest), methods.add(end), methods.add(any)];
    const fields = [
      first,
      kinds,
      one === undefined ? -1 : nodeOf(one),
      ...places,
      innersStart,
      inners.length,
    ];
    nodes.set(fields, nodeOf({ id }));
  }
  const edges = drafts.flatMap((node) =>
    [...(node.literals?.values() ?? [])].map(({ by, fold, child }) => ({
      node: nodeOf(node),
      text: by,
      fold,
      child: nodeOf(child),
    })),
  );
  return { nodes, edges: lowerEdges(edges, texts), inners, rules: methods.freeze() };
}

/**
 * The path patterns of all hosts, frozen: nodes and rules are integers in typed arrays.
 *
 * A walk follows the most specific edge first and then the others, but none behind which every rule comes later
 * than the one found. So a walk is as long as the path wherever rules do not overlap.
 *
 * What a walk keeps is in the object, not in its nodes: a walk is synchronous from end to end.
 */
export class PathTrie {
  readonly #nodes: Int32Array;
  readonly #edges: EdgeTable;
  readonly #innerPatterns: readonly InnerPattern[];
  readonly #innerFolds: readonly boolean[];
  readonly #innerChildren: Int32Array;
  readonly #rules: Int32Array;
  #path = '';
  #method = 0;
  #deepest = 0;
  #deepestNode = -1;

  /** @param texts of all tables */
  constructor({ nodes, edges, inners, rules }: LoweredPaths, texts: readonly string[]) {
    this.#nodes = nodes;
    this.#edges = new EdgeTable(edges, texts);
    this.#innerPatterns = inners.map((inner) => inner.pattern);
    this.#innerFolds = inners.map((inner) => inner.fold);
    this.#innerChildren = Int32Array.from(inners, (inner) => inner.child);
    this.#rules = rules;
  }

  /** Before the first `find` for a request. */
  start(path: string, method: number): void {
    this.#path = path;
    this.#method = method;
    this.#deepest = 0;
    this.#deepestNode = -1;
  }

  /**
   * The earlier of rule `found` and the first one of a host pattern that matches.
   *
   * @param root as `nodeOf` says
   * Cost: O(path segments) where rules do not overlap, no allocation.
   */
  find(root: number, found: number): number {
    const nodes = this.#nodes;
    if ((nodes[root + FIRST] ?? 0) >= found) return found;
    return this.#earlier(nodes[root + ANY] ?? -1, this.#walk(root, 1, found));
  }

  /** After `find` found nothing: a rule that shares the longest beginning, or -1 where no root was searched. */
  nearest(): number {
    return this.#deepestNode < 0 ? -1 : (this.#nodes[this.#deepestNode + FIRST] ?? -1);
  }

  /** @param from where the segment behind the node starts */
  #walk(start: number, from: number, found: number): number {
    const nodes = this.#nodes;
    const edges = this.#edges;
    const path = this.#path;
    let node = start;
    let at = from;
    let rule = found;
    for (;;) {
      if (at > this.#deepest) {
        this.#deepest = at;
        this.#deepestNode = node;
      }
      if (at >= path.length) return this.#earlier(nodes[node + END] ?? -1, rule);
      const kinds = nodes[node + KINDS] ?? 0;
      let hash = HASH_START;
      let end = at;
      if ((kinds & (LITERAL | FOLDED)) === 0) {
        end = path.indexOf('/', at);
        if (end === -1) end = path.length;
      } else {
        for (; end < path.length; end++) {
          const code = path.charCodeAt(end);
          if (code === SLASH) break;
          hash = hashCode(hash, code);
        }
      }
      if (kinds === LITERAL) {
        // Nothing to come back to: most nodes are so.
        node = edges.find(node, path, at, end, hash, 0);
      } else {
        if ((kinds & LITERAL) !== 0)
          rule = this.#behind(edges.find(node, path, at, end, hash, 0), end + 1, rule);
        if ((kinds & FOLDED) !== 0)
          rule = this.#behind(edges.find(node, path, at, end, hash, 1), end + 1, rule);
        if ((kinds & INNER) !== 0) rule = this.#behindInners(node, at, end, rule);
        rule = this.#earlier(nodes[node + REST] ?? -1, rule);
        node = nodes[node + ONE] ?? -1;
      }
      if (node < 0 || (nodes[node + FIRST] ?? 0) >= rule) return rule;
      at = end + 1;
    }
  }

  #behind(child: number, at: number, found: number): number {
    return child < 0 || (this.#nodes[child + FIRST] ?? 0) >= found ? found : this.#walk(child, at, found);
  }

  #behindInners(node: number, at: number, end: number, found: number): number {
    const last = this.#nodes[node + INNERS_END] ?? 0;
    let rule = found;
    for (let edge = this.#nodes[node + INNERS] ?? 0; edge < last; edge++) {
      const child = this.#innerChildren[edge] ?? -1;
      const pattern = this.#innerPatterns[edge];
      if (pattern === undefined || (this.#nodes[child + FIRST] ?? 0) >= rule) continue;
      if (innerMatches(pattern, this.#path, at, end, this.#innerFolds[edge] === true)) {
        rule = this.#walk(child, end + 1, rule);
      }
    }
    return rule;
  }

  #earlier(place: number, found: number): number {
    if (place < 0) return found;
    const rule = this.#rules[place + this.#method] ?? -1;
    return rule < 0 || rule >= found ? found : rule;
  }
}

/** The node of a draft. */
export function nodeOf({ id }: Pick<DraftNode, 'id'>): number {
  return id * NODE_SIZE;
}
