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
});
