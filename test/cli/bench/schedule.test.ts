import { describe, expect, it } from 'vitest';
import { scheduleOf } from '../../../src/cli/bench/schedule.ts';

const calls = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    where: `x:${index}`,
    call: { method: 'GET', url: `https://a.example/${index}` },
  }));

describe('a schedule', () => {
  it('hangs on the seed alone', () => {
    expect(scheduleOf(calls(30), 64, 7)).toEqual(scheduleOf(calls(30), 64, 7));
    expect(scheduleOf(calls(30), 64, 8).order).not.toEqual(scheduleOf(calls(30), 64, 7).order);
  });

  it.each([1, 30, 3000])('makes each of %i calls, from many sessions', (count) => {
    const { order, sessions } = scheduleOf(calls(count), 64, 1);
    expect(new Set(order).size).toBe(count);
    expect(sessions).toHaveLength(order.length);
    expect(new Set(sessions).size).toBe(64);
  });

  it('takes a choice of very many calls', () => {
    const schedule = scheduleOf(calls(5000), 64, 1);
    expect(schedule.calls).toHaveLength(4096);
    expect(new Set(schedule.order).size).toBe(4096);
  });
});
