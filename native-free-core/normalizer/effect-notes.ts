import type { ActionClassInfo } from '../registry/classes.ts';
import type { Mappings } from './mappings.ts';
import type { Rule } from './rules.ts';
import { Reach } from './shadows.ts';

const HIGH = 2;

/** A rule whose class says another effect than a method of the requests it answers. */
export interface EffectNote {
  readonly rule: Rule;
  readonly methods: readonly string[];
  /** The class that does not fit: the rule's own, or one of its `refine_map`. */
  readonly actionClass: ActionClassInfo;
}

/**
 * The rules that break the effect rule (semantics §1): no GET or HEAD is a change, no DELETE only reads. A rule that is
 * only for reading and has a class of high risk is among them: who wrote it should know.
 */
export function effectNotes(mappings: Mappings): readonly EffectNote[] {
  const reach = new Reach(mappings);
  const notes: EffectNote[] = [];
  for (const [index, { rule }] of mappings.rules.entries()) {
    for (const actionClass of new Set([rule.actionClass, ...(rule.refinement?.classes.values() ?? [])])) {
      const methods = reach
        .methods(rule)
        .filter(
          (method) =>
            (isUnfit(actionClass, method) || isGrave(rule, actionClass)) &&
            reach.winners(index, [method]) === undefined,
        );
      if (methods.length > 0) notes.push({ rule, methods, actionClass });
    }
  }
  return notes;
}

/** A class of effect `mixed` fits a GET, but `high` is more than most reads are. */
function isGrave({ methods }: Rule, { effect, riskRank }: ActionClassInfo): boolean {
  const isRead = methods.length > 0 && methods.every((method) => method === 'GET' || method === 'HEAD');
  return isRead && effect === 'mixed' && riskRank >= HIGH;
}

function isUnfit({ effect }: ActionClassInfo, method: string): boolean {
  if (method === 'DELETE') return effect === 'read';
  return effect === 'change' && (method === 'GET' || method === 'HEAD');
}
