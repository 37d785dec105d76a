import type { EntityUidJson, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import {
  ACTION_CLASSES,
  type ActionClassInfo,
  type ClassSet,
  classSet,
  expandActionWord,
  findActionClass,
} from '../registry/classes.ts';
import { READS } from './reads.ts';

/** What the action scope of a policy says: the classes it can apply to, and what it looks at for that. */
export interface ActionScope {
  readonly classes: ClassSet;
  readonly reads: number;
}

function namedActions({ action }: PolicyJson): readonly EntityUidJson[] | undefined {
  if (action.op === 'All') return undefined;
  if ('entities' in action) return action.entities;
  return 'entity' in action ? [action.entity] : [];
}

/** Reads `action`, `action == …`, `action in …` and `action in […]` of a policy that is validated already. */
export function actionScope(policy: PolicyJson): ActionScope {
  const named = namedActions(policy);
  if (named === undefined) return { classes: classSet(ACTION_CLASSES), reads: 0 };
  const classes: ActionClassInfo[] = [];
  let reads = 0;
  for (const entity of named) {
    const { id } = '__entity' in entity ? entity.__entity : entity;
    const exact = findActionClass(id);
    if (exact !== undefined) {
      classes.push(exact);
      continue;
    }
    // A class is in itself; that it is in a category Cedar learns from the action's entity.
    classes.push(...(expandActionWord(`${id}.*`) ?? []));
    reads = READS.action;
  }
  return { classes: classSet(classes), reads };
}

/** The policies that can apply to some classes, as positions in the bundle. */
export interface Slice {
  readonly members: readonly number[];
  readonly reads: number;
}

export interface Sliced {
  /** The different slices; none is empty. */
  readonly slices: readonly Slice[];
  /** For each class, by its index: position in `slices`, or -1 where no policy can apply. */
  readonly byClass: Int8Array;
}

/** Groups policies by the classes they can apply to. Classes with the same policies share one slice. */
export function slicePolicies(
  policies: readonly { readonly classes: ClassSet; readonly reads: number }[],
): Sliced {
  const slices: Slice[] = [];
  const byClass = new Int8Array(ACTION_CLASSES.length).fill(-1);
  const known = new Map<string, number>();
  for (const { index } of ACTION_CLASSES) {
    const members: number[] = [];
    let reads = 0;
    for (const [position, policy] of policies.entries()) {
      if (policy.classes[index] !== 1) continue;
      members.push(position);
      reads |= policy.reads;
    }
    if (members.length === 0) continue;
    const key = members.join(' ');
    let slice = known.get(key);
    if (slice === undefined) {
      slice = slices.push({ members, reads }) - 1;
      known.set(key, slice);
    }
    byClass[index] = slice;
  }
  return { slices, byClass };
}
