/**
 * What is wrong with a log.
 *
 * - `changed`: a record is not the one that was signed; `removed`: it is gone; `inserted`: it was never signed;
 *   `duplicated`: it stands there twice; `reordered`: it stands in another place.
 * - `torn`: the file ends in the middle of a line.
 * - `checkpoint`: a checkpoint cannot be used: its signature, its form, its order; or there is none.
 * - `more`: the list was cut here.
 */
export type LogProblemKind =
  'changed' | 'removed' | 'inserted' | 'duplicated' | 'reordered' | 'torn' | 'checkpoint' | 'more';

/** One problem; `seq` and `event_id` are null where the log cannot tell. */
export interface LogProblem {
  readonly seq: number | null;
  readonly event_id: string | null;
  readonly kind: LogProblemKind;
  readonly detail: string;
}

/** At most so many problems are listed. */
export const MAX_PROBLEMS = 1_000;
