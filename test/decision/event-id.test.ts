import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EventIds } from '../../native-free-core/decision/event-id.ts';

describe('event ids', () => {
  it('are UUIDs of version 7 that carry the instant', () => {
    const id = new EventIds(randomBytes).next(0x0189_abcd_ef01);
    expect(id).toMatch(/^0189abcd-ef01-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('carry every bit of their randomness but those that say what they are', () => {
    const ids = new EventIds((count) => Uint8Array.from({ length: count }, (_, at) => 0xf5 - (at % 10)));
    expect(ids.next(0xffff_ffff_ffff)).toBe('ffffffff-ffff-75f4-b3f2-f1f0efeeedec');
    expect(ids.next(0.9)).toBe('00000000-0000-75f4-b3f2-f1f0efeeedec');
  });

  it('differ, also within one millisecond and across blocks of randomness', () => {
    const ids = new EventIds(randomBytes);
    const made = Array.from({ length: 10_000 }, () => ids.next(1_763_800_000_123));
    expect(new Set(made).size).toBe(made.length);
  });

  it('draw randomness in blocks', () => {
    let draws = 0;
    const ids = new EventIds((count) => {
      draws++;
      return randomBytes(count);
    });
    for (let index = 0; index < 400; index++) ids.next(0);
    expect(draws).toBe(1);
  });
});
