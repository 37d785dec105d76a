import type { CedarRecord, EntityUid, ERROR, Value } from './value.ts';

export type Result = Value | typeof ERROR;

/** An expression, linked: what it answers for one request. It never throws. */
export type Evaluator<E> = (env: E) => Result;

/** The entities of one request. */
export interface Entities {
  /** @returns undefined where the entity does not exist */
  attributes(uid: EntityUid): CedarRecord | undefined;
  /** @returns undefined where the entity does not exist */
  tags(uid: EntityUid): CedarRecord | undefined;
  /** Whether one is the other or, over any number of parents, in it. */
  isIn(uid: EntityUid, ancestor: EntityUid): boolean;
}

/** How policies read a request of form `E`. What is optional is faster than what `variable` and `entities` answer, never different. */
export interface Access<E> {
  variable(name: 'principal' | 'action' | 'resource' | 'context'): Evaluator<E>;
  entities(env: E): Entities;
  /** Reads `variable.a.b`; undefined where there is no faster way. */
  path?(variable: string, names: readonly string[]): Evaluator<E> | undefined;
  /**
   * Answers `variable has a.b`; undefined where there is no faster way.
   *
   * @param read how many of the names stand before the `has`: 1 for `variable.a has b`. Where one of them can be absent,
   *   the answer must be undefined: asking is an error then
   */
  has?(variable: string, names: readonly string[], read: number): ((env: E) => boolean) | undefined;
  /** Answers `variable in ancestor`; undefined where there is no faster way. */
  isIn?(variable: string, ancestor: EntityUid): ((env: E) => boolean) | undefined;
}

/** An expression, linked. */
export interface Linked<E> {
  readonly evaluate: Evaluator<E>;
  /** Its answer where that is the same for every request. */
  readonly constant: Result | undefined;
}

export function constant<E>(value: Result): Linked<E> {
  return { evaluate: () => value, constant: value };
}

export function computed<E>(evaluate: Evaluator<E>): Linked<E> {
  return { evaluate, constant: undefined };
}
