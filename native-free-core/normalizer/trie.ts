import type { CanonicalTarget, Scheme } from './envelope.ts';
import { HostTable } from './host-table.ts';
import { nodeOf, PathTrie } from './path-trie.ts';
import type { HostPattern } from './pattern.ts';
import type { Rule } from './rules.ts';
import { type DraftNode, MethodTable, TrieBuilder } from './trie-builder.ts';

/** No rule. */
export const NONE = -1;

/** Maps a canonical target and a method to its rule: of those that match, the first by `orderRules`. */
export class Trie {
  readonly #origins: ReadonlyMap<number, HostTable>;
  readonly #methods: ReadonlyMap<string, number>;
  readonly #paths: PathTrie;
  readonly #count: number;

  /** @param rules in the order of `orderRules` */
  constructor(rules: readonly Rule[]) {
    const builder = new TrieBuilder();
    const origins = new Map<number, Map<string, readonly [HostPattern, DraftNode]>>();
    for (const [index, rule] of rules.entries()) {
      const key = originKey(rule.scheme, rule.port);
      const hosts = origins.get(key) ?? new Map<string, readonly [HostPattern, DraftNode]>();
      origins.set(key, hosts);
      const hostKey = `${rule.host.kind} ${rule.host.name}`;
      const root = hosts.get(hostKey)?.[1] ?? builder.node(index);
      hosts.set(hostKey, [rule.host, root]);
      builder.add(root, rule, index);
    }
    const table = new MethodTable(rules);
    this.#paths = new PathTrie(builder.nodes, table);
    this.#methods = table.methods;
    this.#origins = new Map(
      [...origins].map(([key, hosts]) => [
        key,
        new HostTable([...hosts.values()].map(([host, root]) => [host, nodeOf(root)])),
      ]),
    );
    this.#count = rules.length;
  }

  /**
   * @param path canonical, without a trailing `/`
   * @returns the rule's index, or NONE where no rule matches (the caller denies)
   * Cost: O(host labels + path segments) where rules do not overlap, no allocation.
   */
  match(target: CanonicalTarget, path: string, method: string): number {
    const column = this.#methods.get(method) ?? NONE;
    const hosts = this.#origins.get(originKey(target.scheme, target.port));
    this.#paths.start(path, column);
    if (column < 0 || hosts === undefined) return NONE;
    const roots = hosts.rootsOf(target.host);
    let rule = this.#count;
    for (let i = 0; i < roots.length; i++) {
      const root = roots[i] ?? -1;
      if (root < 0) break;
      rule = this.#paths.find(root, rule);
    }
    return rule === this.#count ? NONE : rule;
  }

  /** Whether a method is a known one, or some rule names it. */
  knowsMethod(method: string): boolean {
    return this.#methods.has(method);
  }

  /** After a `match` that found nothing: a rule that shares the longest beginning, or NONE where no host matched. */
  nearest(): number {
    return this.#paths.nearest();
  }
}

/** One number for scheme and port. */
function originKey(scheme: Scheme, port: number): number {
  return scheme === 'https' ? port : -port;
}
