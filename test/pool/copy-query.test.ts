import { describe, expect, it } from 'vitest';
import { copyQuery } from '../../src/pool/copy-query.ts';
import { query } from '../policy/query.ts';

/** Every object of a value but the action, which is the registry's. */
function objectsOf(value: unknown, found: object[] = []): object[] {
  if (typeof value !== 'object' || value === null || 'meaning' in value) return found;
  found.push(value);
  for (const inner of Object.values(value)) objectsOf(inner, found);
  return found;
}

describe('a copy of a query', () => {
  it('says the same, and shares nothing that could change', () => {
    const live = structuredClone(query());
    const copy = copyQuery(live);
    expect(copy).toEqual(live);
    const shared = new Set(objectsOf(live));
    expect(shared.size).toBeGreaterThan(15);
    expect(objectsOf(copy).filter((object) => shared.has(object))).toEqual([]);
  });

  it('has the very lists that nothing can change, so an engine takes the same way with it', () => {
    const live = structuredClone(query());
    const lists = objectsOf(live).filter((object) => Array.isArray(object));
    for (const list of lists) Object.freeze(list);
    expect(lists).toHaveLength(8);
    const shared = new Set<object>(lists);
    expect(objectsOf(copyQuery(live)).filter((object) => shared.has(object))).toEqual(lists);
  });

  it('has what is computed only when it is read', () => {
    const live = query();
    const session = Object.create(live.context.session) as typeof live.context.session;
    expect(copyQuery({ ...live, context: { ...live.context, session } })).toEqual(live);
  });
});
