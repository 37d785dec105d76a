import { describe, expect, it } from 'vitest';
import { MonotonicClock } from '../../native-free-core/decision/clock.ts';

describe('the clock of decisions', () => {
  it('stands still where the wall clock steps back, and goes on once it has caught up', () => {
    const readings = [1000, 5000, 1500, 4999, 5001];
    const clock = new MonotonicClock(() => readings.shift() ?? 0);
    expect([1, 2, 3, 4, 5].map(() => clock.nowMs())).toEqual([1000, 5000, 5000, 5000, 5001]);
  });

  it.each([
    [0, '1970-01-01T00:00:00.000000000Z'],
    [1_763_800_000_123.456, '2025-11-22T08:26:40.123456000Z'],
    [1_763_800_000_999.9995, '2025-11-22T08:26:40.999999000Z'],
  ])('writes %d as %s', (ms, text) => {
    const clock = new MonotonicClock(() => ms);
    expect(clock.rfc3339(ms)).toBe(text);
  });

  it('writes instants of different seconds in any order', () => {
    const clock = new MonotonicClock(() => 0);
    const texts = [61_000, 1_000, 61_500].map((ms) => clock.rfc3339(ms));
    expect(texts.map((text) => text.slice(14, 23))).toEqual(['01:01.000', '00:01.000', '01:01.500']);
  });
});
