import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outstanding } from '../../src/audit/outstanding.ts';

describe('Outstanding', () => {
  it('gives one session an eighth of the bytes as well', () => {
    const queue = new Outstanding(8192, 8_000_000);
    let taken = 0;
    for (; queue.hasRoom('greedy'); taken++) queue.take('greedy', 60_000);
    expect(taken).toBe(17);
    expect(queue.hasRoom('other')).toBe(true);
    queue.settle(taken);
    expect(queue.hasRoom('greedy')).toBe(true);
  });

  it('gives one session an eighth and leaves an eighth to records that are no decisions', () => {
    const queue = new Outstanding(64, 1_000_000);
    const fill = (session: string | undefined): number => {
      let taken = 0;
      for (; queue.hasRoom(session); taken++) queue.take(session, 1);
      return taken;
    };
    expect(fill('one')).toBe(8);
    const others = ['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((session) => fill(session));
    expect(others).toEqual([8, 8, 8, 8, 8, 8, 0]);
    expect(fill(undefined)).toBe(8);
    queue.settle(1);
    expect(queue.hasRoom('h')).toBe(false);
    queue.settle(8);
    expect([queue.hasRoom('one'), queue.hasRoom('h'), queue.hasRoom('c')]).toEqual([true, true, false]);
  });

  it('is full by bytes too', () => {
    const queue = new Outstanding(64, 100);
    queue.take('a', 100);
    expect([queue.hasRoom('b'), queue.hasRoom(undefined)]).toEqual([false, false]);
    queue.settle(1);
    expect(queue.hasRoom('b')).toBe(true);
  });

  it('always holds what was taken less what was settled', () => {
    const step = fc.record({
      session: fc.constantFrom('a', 'b', undefined),
      bytes: fc.nat(50),
      settle: fc.nat(3),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new Outstanding(16, 400);
        const model: number[] = [];
        for (const { session, bytes, settle } of steps) {
          if (queue.hasRoom(session)) {
            queue.take(session, bytes);
            model.push(bytes);
          }
          queue.settle(settle);
          model.splice(0, settle);
          expect(queue.count).toBe(model.length);
          expect(queue.bytes).toBe(model.reduce((sum, size) => sum + size, 0));
        }
        queue.settle(16);
        expect([queue.hasRoom('a'), queue.hasRoom('b')]).toEqual([true, true]);
      }),
    );
  });
});
