import type { Scheme } from './envelope.ts';
import type { InnerPattern } from './segment.ts';

/** No node, no place, no rule. */
export const NONE = -1;

export const HAS_LITERAL = 1;
export const HAS_FOLDED = 2;
export const HAS_INNER = 4;

/**
 * The frozen trie: nodes, places and rules are integers, edges and slots parallel arrays.
 *
 * A node is a position: in a host, after some labels from the right; in a path, after some segments. A place is
 * where a pattern ends: one slot a method, the last slot for a rule without methods.
 */
export interface TrieLayout {
  /** Literal edges, an open-addressing table by node and text; its size is a power of two, at most half full. */
  readonly edgeNode: Int32Array;
  readonly edgeText: readonly string[];
  readonly edgeFold: Uint8Array;
  readonly edgeChild: Int32Array;
  /** Which kinds of edges a node has at all. */
  readonly traits: Uint8Array;
  /** Child behind a `*` segment. */
  readonly one: Int32Array;
  /** Places: of a `**`, of a path that ends here, and at a path's root of a rule for any path. */
  readonly rest: Int32Array;
  readonly end: Int32Array;
  readonly any: Int32Array;
  /** At a host's node, the path root of exactly that host, and of one or more labels before it. */
  readonly exact: Int32Array;
  readonly below: Int32Array;
  /** The first rule at or below a node: what a refusal names as the nearest. */
  readonly sample: Int32Array;
  /** Edges with wildcards inside: those of node n stand from innerStart[n] up to innerStart[n+1], most literals first. */
  readonly innerStart: Int32Array;
  readonly innerPattern: readonly InnerPattern[];
  readonly innerFold: readonly boolean[];
  readonly innerChild: Int32Array;
  /** Rule by place times stride plus method. */
  readonly slots: Int32Array;
  readonly stride: number;
  readonly methods: ReadonlyMap<string, number>;
  /** Host root by `originKey`. */
  readonly origins: ReadonlyMap<number, number>;
}

/** One number for scheme and port. */
export function originKey(scheme: Scheme, port: number): number {
  return scheme === 'https' ? port : -port;
}

/**
 * Hash of the characters from `start` to `end`; the case of letters takes no part, so that folded and exact
 * edges are found by one hash.
 */
export function hashText(text: string, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (text.charCodeAt(i) | 32), 0x01000193);
  return hash;
}

/** Where the search for an edge starts; `mask` is the table's size less one. */
export function edgeSlot(node: number, hash: number, mask: number): number {
  const mixed = Math.imul(hash ^ Math.imul(node + 1, 0x9e3779b1), 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) & mask;
}
