import { EdgeTable, flat, hashOf, type Edge } from './edge-table.ts';
import type { HostPattern } from './pattern.ts';

const MAX_LABELS = 127;
const ABSENT = -1;

/**
 * The hosts of one scheme and port: for a host, the roots of all path patterns that are about it.
 *
 * A host that some rule names is found at once. Any other one is read label by label from the right, and can only
 * be below a `*.` pattern, or any host.
 */
export class HostTable {
  readonly #exact: ReadonlyMap<string, Int32Array>;
  /** A label's node is its place in the list of names that `*.` patterns end in; `''` is the first. */
  readonly #labels: EdgeTable;
  readonly #below: Int32Array;
  readonly #found = new Int32Array(MAX_LABELS + 2);

  /** @param roots one for each different pattern; ports do not matter here */
  constructor(roots: readonly (readonly [HostPattern, number])[]) {
    const below = new Map(
      roots.flatMap(([host, root]) => (host.kind === 'exact' ? [] : [[host.name, root]])),
    );
    const names = [...new Set(['', ...[...below.keys()].flatMap(namesAbove)])];
    const nodeOf = new Map(names.map((name, node) => [name, node]));
    const edges = names.slice(1).map((name): Edge => {
      const [label = ''] = name.split('.');
      const above = nodeOf.get(name.slice(label.length + 1)) ?? ABSENT;
      return { node: above, text: label, fold: false, child: nodeOf.get(name) ?? ABSENT };
    });
    this.#labels = new EdgeTable(edges);
    this.#below = Int32Array.from(names, (name) => below.get(name) ?? ABSENT);
    this.#exact = new Map(
      roots.flatMap(([{ kind, name }, root]) =>
        kind === 'exact' ? [[flat(name), this.#withAbove(name, root)]] : [],
      ),
    );
  }

  /**
   * @param host canonical
   * @returns roots, ended by a negative one; valid until the next call
   * Cost: O(labels), no allocation.
   */
  rootsOf(host: string): Int32Array {
    return this.#exact.get(host) ?? this.#above(host);
  }

  #withAbove(host: string, root: number): Int32Array {
    const above = this.#above(host);
    const narrowestFirst = above.slice(0, above.indexOf(ABSENT)).toReversed();
    return Int32Array.of(root, ...narrowestFirst, ABSENT);
  }

  /** The roots of `*.` patterns that match, the widest first. */
  #above(host: string): Int32Array {
    const found = this.#found;
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
    return found;
  }
}

/** `a.b.example`: that name, `b.example`, `example`. */
function namesAbove(name: string): readonly string[] {
  const labels = name === '' ? [] : name.split('.');
  return labels.map((_, index) => labels.slice(index).join('.'));
}
