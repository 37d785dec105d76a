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

/** What slicing needs to know of a policy. */
export type Sliceable = Pick<ActionScope, 'classes' | 'reads'>;

function sameMembers(left: Slice, right: Slice): boolean {
  return (
    left.members.length === right.members.length &&
    left.members.every((member, index) => member === right.members[index])
  );
}

/** Policies by the classes they can apply to. Classes with the same policies share one slice, made when first asked for. */
export class Slices {
  readonly #policies: readonly Sliceable[];
  /** By index of the class. */
  readonly #byClass = new Map<number, Slice>();

  constructor(policies: readonly Sliceable[]) {
    this.#policies = policies;
  }

  /** Cost: once a class, in proportion to the policies. @returns a slice that may be empty */
  of(classIndex: number): Slice {
    const known = this.#byClass.get(classIndex);
    if (known !== undefined) return known;
    const made = this.#make(classIndex);
    const slice = [...this.#byClass.values()].find((other) => sameMembers(other, made)) ?? made;
    this.#byClass.set(classIndex, slice);
    return slice;
  }

  #make(classIndex: number): Slice {
    const members: number[] = [];
    let reads = 0;
    for (const [position, policy] of this.#policies.entries()) {
      if (policy.classes[classIndex] !== 1) continue;
      members.push(position);
      reads |= policy.reads;
    }
    return { members, reads };
  }
}
