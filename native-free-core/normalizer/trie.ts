import type { CanonicalTarget } from './envelope.ts';
import { KNOWN_METHODS } from './method.ts';
import { MAX_SEGMENTS } from './path.ts';
import type { Rule } from './rules.ts';
import { innerMatches, standsAt } from './segment.ts';
import { TrieBuilder } from './trie-builder.ts';
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

export { NONE } from './trie-layout.ts';

const MAX_LABELS = 127;
// Known methods have the first ids, in their order.
const GET = KNOWN_METHODS.indexOf('GET');
const HEAD = KNOWN_METHODS.indexOf('HEAD');
const KNOWN_COUNT = KNOWN_METHODS.length;

/**
 * Maps a canonical target and a method to its rule: the most specific one, by `orderRules`.
 *
 * A walk goes to the most specific edge first and backs up where that leads nowhere, so the first rule it
 * reaches is the answer. Edges of one rank (an exact and a folded literal, two wildcards with as many literals)
 * are all followed, and the earlier rule wins.
 *
 * The fields of one lookup are kept in the object, not in its nodes: a lookup is synchronous from end to end.
 */
export class Trie {
  readonly #layout: TrieLayout;
  readonly #starts = new Int32Array(MAX_SEGMENTS + 1);
  readonly #ends = new Int32Array(MAX_SEGMENTS + 1);
  readonly #hashes = new Int32Array(MAX_SEGMENTS + 1);
  readonly #belows = new Int32Array(MAX_LABELS + 1);
  #path = '';
  #count = 0;
  #method = 0;
  #deepest = NONE;
  #deepestNode = NONE;

  /** @param rules in the order of `orderRules` */
  constructor(rules: readonly Rule[]) {
    const builder = new TrieBuilder();
    for (const [index, rule] of rules.entries()) builder.add(rule, index);
    this.#layout = builder.freeze();
  }

  /**
   * @param path canonical, without a trailing `/`, of at most 256 segments
   * @returns the rule's index, or NONE where no rule matches (the caller denies)
   * Cost: O(host labels + path segments) where rules do not overlap, no allocation.
   */
  match(target: CanonicalTarget, path: string, method: string): number {
    const layout = this.#layout;
    this.#deepest = NONE;
    this.#deepestNode = NONE;
    this.#method = layout.methods.get(method) ?? NONE;
    const origin = layout.origins.get(originKey(target.scheme, target.port));
    if (origin === undefined || this.#method === NONE) return NONE;
    const belows = this.#belows;
    let count = 0;
    let node = origin;
    let end = target.host.length;
    while (end > 0 && node !== NONE) {
      const below = layout.below[node] ?? NONE;
      if (below !== NONE) belows[count++] = below;
      const start = target.host.lastIndexOf('.', end - 1) + 1;
      node = this.#literal(node, target.host, start, end, hashText(target.host, start, end), 0);
      end = start - 1;
    }
    this.#split(path);
    let rule = node === NONE ? NONE : this.#fromRoot(layout.exact[node] ?? NONE);
    while (rule === NONE && count > 0) rule = this.#fromRoot(belows[--count] ?? NONE);
    return rule;
  }

  /** Whether a method is a known one, or some rule names it. */
  knowsMethod(method: string): boolean {
    return this.#layout.methods.has(method);
  }

  /** After a `match` that found nothing: a rule that shares the longest beginning, or NONE where no host matched. */
  nearest(): number {
    return this.#deepestNode === NONE ? NONE : (this.#layout.sample[this.#deepestNode] ?? NONE);
  }

  #split(path: string): void {
    this.#path = path;
    let count = 0;
    let start = 1;
    while (start < path.length) {
      const slash = path.indexOf('/', start);
      const end = slash === -1 ? path.length : slash;
      this.#starts[count] = start;
      this.#ends[count] = end;
      this.#hashes[count] = hashText(path, start, end);
      count++;
      start = end + 1;
    }
    this.#count = count;
  }

  #fromRoot(root: number): number {
    if (root === NONE) return NONE;
    const rule = this.#walk(root, 0);
    return rule === NONE ? this.#answer(this.#layout.any[root] ?? NONE) : rule;
  }

  #walk(node: number, position: number): number {
    const layout = this.#layout;
    if (position > this.#deepest) {
      this.#deepest = position;
      this.#deepestNode = node;
    }
    if (position === this.#count) return this.#answer(layout.end[node] ?? NONE);
    const traits = layout.traits[node] ?? 0;
    if (traits !== 0) {
      const rule = this.#throughText(node, position, traits);
      if (rule !== NONE) return rule;
    }
    const one = layout.one[node] ?? NONE;
    if (one !== NONE) {
      const rule = this.#walk(one, position + 1);
      if (rule !== NONE) return rule;
    }
    return this.#answer(layout.rest[node] ?? NONE);
  }

  /** Literal edges, then those with wildcards inside; of equal rank the earlier rule. */
  #throughText(node: number, position: number, traits: number): number {
    let rule = NONE;
    if ((traits & HAS_LITERAL) !== 0) rule = this.#throughLiteral(node, position, 0);
    if ((traits & HAS_FOLDED) !== 0) rule = earlier(rule, this.#throughLiteral(node, position, 1));
    if (rule !== NONE || (traits & HAS_INNER) === 0) return rule;
    const layout = this.#layout;
    const start = this.#starts[position] ?? 0;
    const end = this.#ends[position] ?? 0;
    const last = layout.innerStart[node + 1] ?? 0;
    let literals = -1;
    for (let edge = layout.innerStart[node] ?? 0; edge < last; edge++) {
      const pattern = layout.innerPattern[edge];
      if (pattern === undefined || (rule !== NONE && pattern.literals < literals)) return rule;
      if (!innerMatches(pattern, this.#path, start, end, layout.innerFold[edge] === true)) continue;
      const found = this.#walk(layout.innerChild[edge] ?? NONE, position + 1);
      if (found !== NONE) literals = pattern.literals;
      rule = earlier(rule, found);
    }
    return rule;
  }

  #throughLiteral(node: number, position: number, fold: number): number {
    const start = this.#starts[position] ?? 0;
    const end = this.#ends[position] ?? 0;
    const child = this.#literal(node, this.#path, start, end, this.#hashes[position] ?? 0, fold);
    return child === NONE ? NONE : this.#walk(child, position + 1);
  }

  #literal(node: number, text: string, start: number, end: number, hash: number, fold: number): number {
    const { edgeNode, edgeText, edgeFold, edgeChild } = this.#layout;
    const mask = edgeNode.length - 1;
    for (let slot = edgeSlot(node, hash, mask); edgeNode[slot] !== NONE; slot = (slot + 1) & mask) {
      if (edgeNode[slot] !== node || edgeFold[slot] !== fold) continue;
      const literal = edgeText[slot] ?? '';
      if (literal.length === end - start && standsAt(literal, text, start, fold === 1)) {
        return edgeChild[slot] ?? NONE;
      }
    }
    return NONE;
  }

  #answer(place: number): number {
    if (place === NONE) return NONE;
    const { slots, stride } = this.#layout;
    const base = place * stride;
    const named = slots[base + this.#method] ?? NONE;
    if (named !== NONE) return named;
    const get = this.#method === HEAD ? (slots[base + GET] ?? NONE) : NONE;
    if (get !== NONE) return get;
    return this.#method < KNOWN_COUNT ? (slots[base + stride - 1] ?? NONE) : NONE;
  }
}

function earlier(left: number, right: number): number {
  if (left === NONE) return right;
  return right === NONE ? left : Math.min(left, right);
}
