import { describe, expect, it } from 'vitest';
import { EntityStore } from './cedar/entity-store.ts';
import { readUid, readValue } from './cedar/json-values.ts';
import { EntityUid, equals } from '../../../native-free-core/policy/compiled/value.ts';

const uid = (type: string, id: string) => new EntityUid(type, id);
const named = (id: string, parents: readonly string[]) => ({
  uid: { type: 'G', id },
  attrs: {},
  parents: parents.map((parent) => ({ __entity: { type: 'G', id: parent } })),
});

describe('values of JSON', () => {
  it.each([null, undefined, 0.5, 2 ** 53, 2n ** 63n, Number.NaN, [null], { a: 0.5 }, () => 1])(
    'are none of Cedar: %s',
    (json) => expect(readValue(json)).toBeUndefined(),
  );

  it.each([
    { type: 'decimal' },
    { fn: 'decimal', arg: 'x' },
    { fn: 'decimal', arg: 1 },
    { fn: 'sqrt', arg: '4' },
    1,
  ])('are none of an extension: %j', (json) => expect(readValue({ __extn: json })).toBeUndefined());

  it('may be given by a function of several arguments', () => {
    const extension = (fn: string, arg: string) => ({ __extn: { fn, arg } });
    const args = [extension('datetime', '2024-01-01'), extension('duration', '1d')];
    const [day, next] = [
      readValue({ __extn: { fn: 'offset', args } }),
      readValue(extension('datetime', '2024-01-02')),
    ];
    expect(day !== undefined && next !== undefined && equals(day, next)).toBe(true);
  });

  it('name an entity with and without `__entity`', () => {
    expect(readUid({ type: 'A', id: 'b' })).toEqual(uid('A', 'b'));
    expect(readUid({ __entity: { type: 'A', id: 'b' } })).toEqual(uid('A', 'b'));
    expect(readUid({ type: 'A' })).toBeUndefined();
    expect(readUid('A::"b"')).toBeUndefined();
  });
});

describe('entities of JSON', () => {
  it('are in their parents over any number of steps, also round a cycle', () => {
    const store = EntityStore.read([named('a', ['b']), named('b', ['c', 'd']), named('c', ['a'])]);
    const isIn = (one: string, other: string) => store?.isIn(uid('G', one), uid('G', other));
    expect(isIn('a', 'd')).toBe(true);
    expect(isIn('c', 'd')).toBe(true);
    expect(isIn('d', 'a')).toBe(false);
    expect(isIn('ghost', 'ghost')).toBe(true);
  });

  it('are refused where one is no entity or stands there twice', () => {
    expect(EntityStore.read([named('a', []), named('a', ['b'])])).toBeUndefined();
    expect(EntityStore.read([{ ...named('a', []), attrs: { x: null } }])).toBeUndefined();
    expect(EntityStore.read([{ ...named('a', []), parents: ['b'] }])).toBeUndefined();
    expect(EntityStore.read([{ attrs: {}, parents: [] }])).toBeUndefined();
    expect(EntityStore.read([null])).toBeUndefined();
  });
});
