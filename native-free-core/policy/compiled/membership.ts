import type { Entities, Result } from './access.ts';
import { CedarSet, EntityUid, ERROR, type Value } from './value.ts';

/** `uid in right`: an entity, or a set in which everything is one. */
export function isMember(uid: EntityUid, right: Value, entities: Entities): Result {
  if (right instanceof EntityUid) return entities.isIn(uid, right);
  if (!(right instanceof CedarSet)) return ERROR;
  let found = false;
  for (const ancestor of right.values()) {
    if (!(ancestor instanceof EntityUid)) return ERROR;
    found ||= entities.isIn(uid, ancestor);
  }
  return found;
}

/** The entities in a value that `in` takes on its right; undefined for any other value. */
export function uidsIn(value: Result | undefined): readonly EntityUid[] | undefined {
  if (value instanceof EntityUid) return [value];
  if (!(value instanceof CedarSet)) return undefined;
  const uids = Array.from(value.values()).filter((member) => member instanceof EntityUid);
  return uids.length === value.size ? uids : undefined;
}
