import { EdgeTable, flat, hashOf, lowerEdges, type Edge, type LoweredEdges } from './edge-table.ts';
import type { HostPattern } from './pattern.ts';

const MAX_LABELS = 127;
const ABSENT = -1;
/** Before the lists of named hosts, room for the list of one that is not. */
const FOUND_SIZE = MAX_LABELS + 2;

/** A host table as plain data. */
export interface LoweredHosts {
  /** By the labels that `*.` patterns end in. */
  readonly labels: LoweredEdges;
  /** Root by node of `labels`. */
  readonly below: Int32Array;
  /** Where the names of exact hosts begin in the list of texts that all tables share. */
  readonly names: number;
  /** Where the list of each exact host begins in `roots`. */
  readonly starts: Int32Array;
  /** One list an exact host, each ended by a negative number. */
  readonly roots: Int32Array;
}

/**
 * @param roots one for each different pattern; ports do not matter here
 * @param texts takes names and labels
 */
export function lowerHosts(
  roots: readonly (readonly [HostPattern, number])[],
  texts: string[],
): LoweredHosts {
  const below = new Map(roots.flatMap(([host, root]) => (host.kind === 'exact' ? [] : [[host.name, root]])));
  const nodes = [...new Set(['', ...[...below.keys()].flatMap(namesAbove)])];
  const nodeOf = new Map(nodes.map((name, node) => [name, node]));
  const edges = nodes.slice(1).map((name): Edge => {
    const [label = ''] = name.split('.');
    const above = nodeOf.get(name.slice(label.length + 1)) ?? ABSENT;
    return { node: above, text: label, fold: false, child: nodeOf.get(name) ?? ABSENT };
  });
  const labels = lowerEdges(edges, texts);
  const names = texts.length;
  const starts: number[] = [];
  const lists: number[] = [];
  for (const [{ kind, name }, root] of roots) {
    if (kind !== 'exact') continue;
    texts.push(flat(name));
    starts.push(lists.length);
    lists.push(root);
    // The narrowest first; the name of a host is not below itself.
    for (const wider of [...namesAbove(name).slice(1), '']) {
      const found = below.get(wider);
      if (found !== undefined) lists.push(found);
    }
    lists.push(ABSENT);
  }
  return {
    labels,
    below: Int32Array.from(nodes, (name) => below.get(name) ?? ABSENT),
    names,
    starts: Int32Array.from(starts),
    roots: Int32Array.from(lists),
  };
}

/**
 * The hosts of one scheme and port: for a host, the roots of all path patterns that are about it.
 *
 * A host that some rule names is found at once. Any other one is read label by label from the right, and can only
 * be below a `*.` pattern, or any host.
 */
export class HostTable {
  /** Lists of roots, the narrowest first, each ended by a negative number. */
  readonly roots: Int32Array;
  readonly #exact: ReadonlyMap<string, number>;
  /** A label's node is its place in the list of names that `*.` patterns end in; `''` is the first. */
  readonly #labels: EdgeTable;
  readonly #below: Int32Array;

  /** @param texts of all tables */
  constructor({ labels, below, names, starts, roots }: LoweredHosts, texts: readonly string[]) {
    this.roots = new Int32Array(FOUND_SIZE + roots.length);
    this.roots.set(roots, FOUND_SIZE);
    this.#labels = new EdgeTable(labels, texts);
    this.#below = below;
    const exact = new Map<string, number>();
    for (const [index, start] of starts.entries()) exact.set(texts[names + index] ?? '', FOUND_SIZE + start);
    this.#exact = exact;
  }

  /**
   * @param host canonical
   * @returns where its list begins in `roots`; valid until the next call
   * Cost: O(labels), no allocation.
   */
  rootsOf(host: string): number {
    return this.#exact.get(host) ?? this.#above(host);
  }

  /** The roots of `*.` patterns that match, the widest first. */
  #above(host: string): number {
    const found = this.roots;
    let count = 0;
    let node = 0;
    let end = host.length;
    while (end > 0 && node >= 0) {
      const root = this.#below[node] ?? ABSENT;
      if (root >= 0) found[count++] = root;
      const start = host.lastIndexOf('.', end - 1) + 1;
      node = this.#labels.find(node, host, start, end, hashOf(host, start, end), 0);
      end = start - 1;
    }
    found[count] = ABSENT;
    return 0;
  }
}

/** `a.b.example`: that name, `b.example`, `example`. */
function namesAbove(name: string): readonly string[] {
  const labels = name === '' ? [] : name.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}
