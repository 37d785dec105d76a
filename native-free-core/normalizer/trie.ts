import type { CanonicalTarget, Scheme } from './envelope.ts';
import { HostTable, lowerHosts, type LoweredHosts } from './host-table.ts';
import { type LoweredPaths, lowerPaths, nodeOf, PathTrie } from './path-trie.ts';
import type { HostPattern } from './pattern.ts';
import type { Rule } from './rules.ts';
import { type DraftNode, MethodTable, TrieBuilder } from './trie-builder.ts';

/** No rule. */
export const NONE = -1;

/** A trie as plain data. */
export interface LoweredTrie {
  /** Names of all methods: the columns of the rules. */
  readonly methods: readonly string[];
  readonly paths: LoweredPaths;
  /** By scheme and port. */
  readonly origins: ReadonlyMap<number, LoweredHosts>;
  /** How many rules there are. */
  readonly count: number;
}

/**
 * @param rules in the order of `orderRules`
 * @param texts takes every text of the trie
 */
export function lowerTrie(rules: readonly Rule[], texts: string[]): LoweredTrie {
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
  const paths = lowerPaths(builder.nodes, table, texts);
  const lowered = [...origins].map(([key, hosts]) => {
    const roots = [...hosts.values()].map(([host, root]) => [host, nodeOf(root)] as const);
    return [key, lowerHosts(roots, texts)] as const;
  });
  return { methods: [...table.methods.keys()], paths, origins: new Map(lowered), count: rules.length };
}

/** Maps a canonical target and a method to its rule: of those that match, the first by `orderRules`. */
export class Trie {
  readonly #origins: ReadonlyMap<number, HostTable>;
  readonly #methods: ReadonlyMap<string, number>;
  readonly #paths: PathTrie;
  readonly #count: number;

  /** @param texts those that `lowerTrie` added to */
  constructor({ methods, paths, origins, count }: LoweredTrie, texts: readonly string[]) {
    this.#methods = new Map(methods.map((method, column) => [method, column]));
    this.#paths = new PathTrie(paths, texts);
    this.#origins = new Map([...origins].map(([key, hosts]) => [key, new HostTable(hosts, texts)]));
    this.#count = count;
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
    const { roots } = hosts;
    let rule = this.#count;
    for (let at = hosts.rootsOf(target.host); ; at++) {
      const root = roots[at] ?? -1;
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
