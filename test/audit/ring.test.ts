import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  makeRing,
  makeSharedCells,
  OPEN,
  RingReader,
  RingWriter,
  RunTarget,
  STATE,
} from '../../src/audit/ring.ts';

interface Ends {
  readonly writer: RingWriter;
  readonly reader: RingReader;
  readonly state: Int32Array;
}

function ends(records: number, bytes: number): Ends {
  const cells = makeSharedCells();
  const state = new Int32Array(cells);
  Atomics.store(state, STATE, OPEN);
  const ring = makeRing(records, bytes);
  return { writer: new RingWriter(cells, ring), reader: new RingReader(ring), state };
}

function takeAll(reader: RingReader, most = Infinity): string {
  const into = new RunTarget(reader.look());
  reader.take(into, 2 ** 31 - 1, most);
  return into.bytes.toString('utf8', 0, into.length);
}

describe('a ring', () => {
  it('gives back exactly what was put in, in order, wherever its lines wrap', () => {
    const step = fc.oneof(
      fc.record({
        put: fc.string({ unit: fc.constantFrom('a', 'é', '€', '😀'), minLength: 1, maxLength: 12 }),
      }),
      fc.record({ take: fc.integer({ min: 0, max: 4 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const { writer, reader } = ends(8, 64);
        const model: string[] = [];
        for (const one of steps) {
          const isPut = 'put' in one && writer.push(one.put) > 0;
          // An empty ring has room for any of these.
          expect(isPut || 'take' in one || model.length > 0).toBe(true);
          if (isPut) model.push(one.put);
          const most = 'take' in one ? one.take : 0;
          expect(takeAll(reader, most)).toBe(model.splice(0, most).join(''));
          expect(reader.waiting).toBe(model.length);
        }
        expect(takeAll(reader)).toBe(model.join(''));
      }),
    );
  });

  it('is full by records and by bytes, and has room again for what was taken out', () => {
    const few = ends(4, 1_000);
    expect(['a', 'b', 'c', 'd', 'e'].map((line) => few.writer.push(line))).toEqual([1, 1, 1, 1, 0]);
    expect(takeAll(few.reader, 1)).toBe('a');
    expect(few.writer.push('e')).toBe(1);
    expect(takeAll(few.reader)).toBe('bcde');

    const small = ends(64, 100);
    expect([small.writer.push('x'.repeat(60)), small.writer.push('y'.repeat(60))]).toEqual([60, 0]);
    expect(small.writer.push('€'.repeat(40))).toBe(0);
    takeAll(small.reader);
    expect(small.writer.push('y'.repeat(60))).toBe(60);
  });

  it('takes nothing while the log takes nothing, and is in no hand-over then', () => {
    const { writer, reader, state } = ends(4, 100);
    Atomics.store(state, STATE, 0);
    expect(writer.push('a')).toBe(0);
    expect([reader.waiting, reader.isHandingOver]).toEqual([0, false]);
  });
});
