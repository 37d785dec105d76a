import { answeredMethods, headPlaces } from './answered-methods.ts';
import type { Mappings } from './mappings.ts';
import type { Rule } from './rules.ts';
import { witnessesOf } from './witness.ts';

/** A rule that can never match: others answer every request it is written for. */
export interface Shadow {
  readonly rule: Rule;
  /** Most specific first. */
  readonly answeredBy: readonly Rule[];
}

/**
 * The rules of a set of tables that no request reaches, most specific first.
 *
 * Cost: one lookup for a rule that is reached; for a dead one a lookup for each of its witnesses.
 */
export function shadowsOf(mappings: Mappings): readonly Shadow[] {
  const reach = new Reach(mappings);
  const shadows: Shadow[] = [];
  for (const [index, { rule }] of mappings.rules.entries()) {
    const winners = reach.winners(index, reach.methods(rule));
    if (winners === undefined) continue;
    const answeredBy = winners.flatMap((winner) => mappings.rules[winner]?.rule ?? []);
    shadows.push({ rule, answeredBy });
  }
  return shadows;
}

/** Asks the compiled tables who answers the requests a rule is written for. */
export class Reach {
  readonly #mappings: Mappings;
  readonly #heads: ReadonlySet<string>;
  readonly #longest: number;

  constructor(mappings: Mappings) {
    this.#mappings = mappings;
    this.#heads = headPlaces(mappings.rules.map(({ rule }) => rule));
    this.#longest = mappings.rules.reduce((most, { rule }) => Math.max(most, rule.path.segments.length), 0);
  }

  methods(rule: Rule): readonly string[] {
    return answeredMethods(rule, this.#heads);
  }

  /** The rules that answer all requests with those methods that a rule matches; undefined where it answers some itself. */
  winners(index: number, methods: readonly string[]): readonly number[] | undefined {
    const { rules, trie } = this.#mappings;
    const rule = rules[index]?.rule;
    const winners = new Set<number>();
    if (rule === undefined) return undefined;
    for (const { target, path } of witnessesOf(rule, this.#longest)) {
      for (const method of methods) {
        const winner = trie.match(target, path, method);
        if (winner === index) return undefined;
        winners.add(winner);
      }
    }
    return [...winners].sort((left, right) => left - right);
  }
}
