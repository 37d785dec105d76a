import { type CheckParseAnswer, preparsePolicySet } from '@cedar-policy/cedar-wasm/web';
import { PolicyInvalid } from '../errors.ts';

// cedar-wasm keeps preparsed sets by name, for the whole thread, and has no call that drops one. So names are reused:
// each owner has a slot, each slot two generations, and what a generation no longer needs is overwritten by nothing.
const slotsInUse = new Set<number>();

function takeSlot(): number {
  let slot = 0;
  while (slotsInUse.has(slot)) slot += 1;
  slotsInUse.add(slot);
  return slot;
}

/** Policies by id, as Cedar text. */
export type PolicyTexts = Readonly<Record<string, string>>;

/** Sets of policies that cedar-wasm holds parsed in this thread. `close` gives their place back. */
export class PreparsedSets {
  readonly #slot = takeSlot();
  readonly #counts: [number, number] = [0, 0];
  #generation: 0 | 1 = 0;
  #open = true;

  /**
   * Parses new sets beside the ones in use, then forgets those.
   *
   * @returns the name of each set, in order
   * @throws PolicyInvalid where one does not parse: the sets in use stay as they are
   */
  load(sets: readonly PolicyTexts[]): readonly string[] {
    const next = this.#generation === 0 ? 1 : 0;
    this.#counts[next] = Math.max(this.#counts[next], sets.length);
    const names = sets.map((texts, index) => {
      const name = this.#name(next, index);
      const answer: CheckParseAnswer = preparsePolicySet(name, { staticPolicies: { ...texts } });
      if (answer.type === 'failure') {
        throw new PolicyInvalid(answer.errors[0]?.message ?? 'cedar cannot parse the policies');
      }
      return name;
    });
    this.#forget(next, sets.length);
    this.#forget(this.#generation, 0);
    this.#generation = next;
    return names;
  }

  /** Nothing loaded here may be asked afterwards. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#forget(0, 0);
    this.#forget(1, 0);
    slotsInUse.delete(this.#slot);
  }

  #name(generation: 0 | 1, index: number): string {
    return `firma/${this.#slot}/${generation}/${index}`;
  }

  #forget(generation: 0 | 1, from: number): void {
    for (let index = from; index < this.#counts[generation]; index += 1) {
      preparsePolicySet(this.#name(generation, index), { staticPolicies: {} });
    }
    this.#counts[generation] = from;
  }
}
