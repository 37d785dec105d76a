import { CedarSet, type Value } from './value.ts';

/**
 * Cedar sets of lists of names. A session's lists are frozen and replaced when something is added, so the set of a frozen
 * list is kept for as long as the list is: 256 hosts would cost 10 µs a call.
 */
export class KnownSets {
  readonly #known = new WeakMap<readonly string[], CedarSet>();
  readonly #toValue: (name: string) => Value;

  constructor(toValue: (name: string) => Value) {
    this.#toValue = toValue;
  }

  of(names: readonly string[]): CedarSet {
    const known = this.#known.get(names);
    if (known !== undefined) return known;
    const set = new CedarSet(names.map(this.#toValue));
    if (Object.isFrozen(names)) this.#known.set(names, set);
    return set;
  }
}
