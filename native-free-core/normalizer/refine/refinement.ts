import { compareRisk, type ActionClassInfo } from '../../registry/classes.ts';
import { MAX_READINGS, NO_PARAMS, type Params } from '../envelope.ts';
import { didYouMean } from '../suggest.ts';
import type { Table } from '../table.ts';

/** The readers of the core that tell from a body what it asks for (semantics §2, "Refinement"). */
export const REFINERS = ['git-receive-pack', 'git-lfs', 'graphql', 'soap-action', 'json-rpc'] as const;

export type Refiner = (typeof REFINERS)[number];

/** A rule's `refine` and `[rules.refine_map]`: the class of each operation a body can ask for. */
export interface Refinement {
  readonly refiner: Refiner;
  /** By operation name. */
  readonly classes: ReadonlyMap<string, ActionClassInfo>;
  /** Of the table and the rule's own class the one of highest risk (ties: order of §1): what an unknown operation is. */
  readonly strictest: ActionClassInfo;
}

/** One thing a body asks for. */
export interface Operation {
  /** Key of the refinement's table; `undefined` where the rule's own class stands. */
  readonly name: string | undefined;
  /** Facts of this operation alone, such as `git_ref`. */
  readonly params: Params;
}

/** What a body asks for, or why no server would understand it. An empty list is a body that asks for nothing. */
export type Operations = readonly Operation[] | { readonly malformed: string };

/** As many as a reader tells of before it stops: one more than a call may have readings. */
export const MAX_OPERATIONS = MAX_READINGS + 1;

/** An operation that no table names: it takes the strictest class. */
export const UNKNOWN_OPERATION: Operation = Object.freeze({ name: '', params: NO_PARAMS });

/** An operation that the rule's own class stands for. */
export const OWN_OPERATION: Operation = Object.freeze({ name: undefined, params: NO_PARAMS });

/** Facts a reader adds of itself, as if the rule declared them: all are strings. */
export function refinedParams(refinement: Refinement | undefined): readonly string[] {
  return refinement?.refiner === 'git-receive-pack' ? ['git_operation', 'git_ref'] : [];
}

/** The class of one operation of a rule with that refinement. */
export function refinedClass(
  refinement: Refinement,
  own: ActionClassInfo,
  operation: Operation,
): ActionClassInfo {
  return operation.name === undefined
    ? own
    : (refinement.classes.get(operation.name) ?? refinement.strictest);
}

/**
 * Reads `refine` and `refine_map` of a rule.
 *
 * @throws MappingInvalid for an unknown reader or class, a map without a reader, or a reader without a map
 */
export function readRefinement(table: Table, own: ActionClassInfo): Refinement | undefined {
  const refiner = table.oneOf('refine', REFINERS);
  const map = table.table('refine_map');
  if (refiner === undefined) {
    if (map !== undefined) throw table.error(['refine_map'], '`refine_map` needs a `refine` beside it');
    return undefined;
  }
  if (map === undefined || Object.keys(map.value).length === 0) {
    throw table.error(['refine'], '`refine` needs a `[rules.refine_map]` with at least one operation');
  }
  const classes = new Map<string, ActionClassInfo>();
  // GraphQL's fields may stand below the reader's name: `graphql.createIssue = "issue.write"`.
  addClasses(classes, map, refiner);
  return { refiner, classes, strictest: strictestOf([own, ...classes.values()]) };
}

/** Where a protocol has no other operations, another name is a mistake. */
const CLOSED: Readonly<Partial<Record<Refiner, readonly string[]>>> = {
  'git-receive-pack': ['create', 'update', 'delete'],
  'git-lfs': ['download', 'upload'],
};

function addClasses(classes: Map<string, ActionClassInfo>, map: Table, refiner: Refiner): void {
  for (const [operation, value] of Object.entries(map.value)) {
    if (operation === '') throw map.error([operation], 'an operation has no name');
    const known = CLOSED[refiner];
    if (known?.includes(operation) === false) {
      throw map.error(
        [operation],
        `\`${operation}\` is no operation of \`${refiner}\`${didYouMean(operation, known)}`,
      );
    }
    const below = operation === refiner && typeof value === 'object' ? map.table(operation) : undefined;
    if (below === undefined) classes.set(operation, map.actionClass(operation));
    else addClasses(classes, below, refiner);
  }
}

function strictestOf(classes: readonly [ActionClassInfo, ...ActionClassInfo[]]): ActionClassInfo {
  return classes.reduce((left, right) => (compareRisk(right, left) < 0 ? right : left));
}
