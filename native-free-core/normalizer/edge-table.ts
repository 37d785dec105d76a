import { standsAt } from './segment.ts';

/** A literal edge of a trie: from a node, by a text, to a child. A folded one has its text in lower case. */
export interface Edge {
  readonly node: number;
  readonly text: string;
  readonly fold: boolean;
  readonly child: number;
}

// The fields of a slot. Not exported: the engine takes them for constants only so.
const SLOT_SIZE = 4;
const NODE = 0;
const HASH = 1;
const CHILD = 2;
const FOLD = 3;
const FREE = -1;

/** An edge table as plain data. */
export interface LoweredEdges {
  readonly slots: Int32Array;
  /** Where the texts of its slots begin in the list that all tables share. */
  readonly texts: number;
}

/** @param texts takes one text a slot */
export function lowerEdges(edges: readonly Edge[], texts: string[]): LoweredEdges {
  const size = 2 ** Math.ceil(Math.log2(Math.max(edges.length, 1) * 2));
  const lowered = { slots: new Int32Array(size * SLOT_SIZE).fill(FREE), texts: texts.length };
  for (let slot = 0; slot < size; slot++) texts.push('');
  for (const edge of edges) addEdge(lowered, texts, edge);
  return lowered;
}

function addEdge({ slots, texts: first }: LoweredEdges, texts: string[], edge: Edge): void {
  const { node, text, child, fold } = edge;
  const mask = slots.length / SLOT_SIZE - 1;
  const hash = hashOf(text, 0, text.length);
  let index = firstIndex(node, hash) & mask;
  while (slots[index * SLOT_SIZE + NODE] !== FREE) index = (index + 1) & mask;
  slots.set([node, hash, child, fold ? 1 : 0], index * SLOT_SIZE);
  texts[first + index] = flat(text);
}

/** All literal edges of a trie, found by node and text: an open-addressing table, at most half full. */
export class EdgeTable {
  readonly #slots: Int32Array;
  readonly #texts: readonly string[];
  readonly #mask: number;

  /** @param texts of all tables */
  constructor({ slots, texts: first }: LoweredEdges, texts: readonly string[]) {
    const size = slots.length / SLOT_SIZE;
    this.#mask = size - 1;
    this.#slots = slots;
    this.#texts = texts.slice(first, first + size);
  }

  /**
   * @param node not negative
   * @param hash of the characters of `text` from `start` to `end`
   * @param fold 1 for the folded edge, 0 for the other: a node may have both
   * @returns the child behind those characters, or -1
   */
  find(node: number, text: string, start: number, end: number, hash: number, fold: number): number {
    const slots = this.#slots;
    for (let index = firstIndex(node, hash); ; index++) {
      index &= this.#mask;
      const slot = index * SLOT_SIZE;
      if (slots[slot + NODE] === FREE) return -1;
      if (slots[slot + NODE] !== node || slots[slot + HASH] !== hash || slots[slot + FOLD] !== fold) continue;
      const literal = this.#texts[index] ?? '';
      if (literal.length === end - start && standsAt(literal, text, start, fold === 1)) {
        return slots[slot + CHILD] ?? -1;
      }
    }
  }
}

export const HASH_START = 0x811c9dc5 | 0;

/** Takes a character into a hash. The case of letters takes no part, so that one hash finds folded and exact edges. */
export function hashCode(hash: number, code: number): number {
  return Math.imul(hash ^ (code | 32), 0x01000193);
}

export function hashOf(text: string, start: number, end: number): number {
  let hash = HASH_START;
  for (let i = start; i < end; i++) hash = hashCode(hash, text.charCodeAt(i));
  return hash;
}

function firstIndex(node: number, hash: number): number {
  const mixed = Math.imul(hash ^ Math.imul(node + 1, 0x9e3779b1), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** The same text in memory of its own: a piece of a table's text is slow to compare, and keeps all of it alive. */
export function flat(text: string): string {
  return text.split('').join('');
}
