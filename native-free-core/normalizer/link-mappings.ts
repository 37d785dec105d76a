import { ACTION_CLASSES, type ActionClassInfo } from '../registry/classes.ts';
import type { BodyNeed } from './envelope.ts';
import type { LoweredMappings, LoweredRule } from './lower-mappings.ts';
import type { MappedRule, Mappings } from './mappings.ts';
import type { Refinement } from './refine/refinement.ts';
import type { Rule } from './rules.ts';
import { Trie } from './trie.ts';

/** Lowered mappings whose rules need not all be there: each is asked for when it first answers. */
export interface LinkableMappings extends Omit<LoweredMappings, 'rules'> {
  readonly rules: { readonly length: number; at(index: number): LoweredRule | undefined };
}

/**
 * Makes mappings of plain data.
 *
 * Cost: about a millisecond, however many rules there are; each takes some 5 µs when it first answers.
 */
export function linkMappings(lowered: LinkableMappings): Mappings {
  return new LinkedMappings(lowered);
}

class LinkedMappings implements Mappings {
  readonly trie: Trie;
  readonly params: Mappings['params'];
  readonly hostGroups: readonly string[];
  readonly readHeaders: ReadonlySet<string>;
  readonly #lowered: LinkableMappings;
  readonly #rules: (MappedRule | undefined)[];
  #all: readonly MappedRule[] | undefined;

  constructor(lowered: LinkableMappings) {
    for (const { fixed } of lowered.selectors) Object.freeze(fixed);
    this.trie = new Trie(lowered.trie, lowered.texts);
    this.params = Object.freeze(lowered.params);
    this.hostGroups = Object.freeze(lowered.groups.map((group) => group.name));
    this.readHeaders = new Set(lowered.readHeaders);
    this.#lowered = lowered;
    this.#rules = Array.from({ length: lowered.rules.length });
  }

  rule(index: number): MappedRule | undefined {
    return this.#rules[index] ?? this.#link(index);
  }

  get rules(): readonly MappedRule[] {
    this.#all ??= Object.freeze(
      this.#rules.map((rule, index) => rule ?? this.#link(index)).filter((rule) => rule !== undefined),
    );
    return this.#all;
  }

  get canonical(): unknown {
    return { rules: this.rules.map(({ rule }) => canonicalRule(rule)), groups: this.#lowered.groups };
  }

  #link(index: number): MappedRule | undefined {
    const lowered = index < 0 ? undefined : this.#lowered.rules.at(index);
    if (lowered === undefined) return undefined;
    const mapped = linkRule(lowered, this.#lowered);
    this.#rules[index] = mapped;
    return mapped;
  }
}

function linkRule(lowered: LoweredRule, { selectors }: LinkableMappings): MappedRule {
  const groups = selectors[lowered.selector];
  if (groups === undefined) throw new TypeError('a rule has no groups');
  const refinement = linkRefinement(lowered);
  const rule: Rule = { ...lowered.rule, actionClass: classAt(lowered.actionClass), refinement };
  return Object.freeze({ rule, groups, bodyNeed: bodyNeedOf(rule) });
}

/** A fact that stands in the query could stand in the body as well. */
function bodyNeedOf({ params, refinement }: Rule): BodyNeed {
  if (params.some((spec) => spec.source !== 'path' && spec.source !== 'header')) return 'whole';
  if (refinement === undefined) return 'none';
  return refinement.refiner === 'git-receive-pack' ? 'head' : 'whole';
}

function linkRefinement({ refinement }: LoweredRule): Refinement | undefined {
  if (refinement === undefined) return undefined;
  const classes = [...refinement.classes].map(([operation, index]) => [operation, classAt(index)] as const);
  return {
    refiner: refinement.refiner,
    classes: new Map(classes),
    strictest: classAt(refinement.strictest),
  };
}

function classAt(index: number): ActionClassInfo {
  const info = ACTION_CLASSES[index];
  if (info === undefined) throw new TypeError(`no class has the index ${index}`);
  return info;
}

function canonicalRule(rule: Rule): unknown {
  return {
    scheme: rule.scheme,
    host: rule.host.text,
    port: rule.port,
    path: rule.path.text,
    method: rule.methods,
    action_class: rule.actionClass.name,
    params: Object.fromEntries(rule.params.map((spec) => [spec.name, spec.text])),
    fold: rule.foldMask,
    encoded_slash: rule.encodedSlash,
    refine: rule.refinement === undefined ? null : canonicalRefinement(rule.refinement),
  };
}

function canonicalRefinement({ refiner, classes }: Refinement): unknown {
  return { refiner, map: Object.fromEntries([...classes].map(([name, info]) => [name, info.name])) };
}
