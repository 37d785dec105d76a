import { describe, expect, it } from 'vitest';
import { judgeSessions } from '../../bench/session-verdicts.ts';

const BUDGETS = { medianUs: { matching_8: 0.8, stored_8: 1.1 }, sessionBytes: 640, windowBytes: 320 };
const MEMORY = { sessionBytes: 400, windowBytes: 316 };

const round = (matching8: number, stored8: number) => [
  { figure: 'matching_8' as const, medianUs: matching8 },
  { figure: 'stored_8' as const, medianUs: stored8 },
];

describe('the verdicts about sessions', () => {
  it('look at the round and the memory that the machine disturbed least', () => {
    const rounds = [...round(3, 1), ...round(0.7, 4)];
    const memory = [{ ...MEMORY, sessionBytes: 700 }, MEMORY];
    expect(judgeSessions(rounds, memory, BUDGETS).filter(({ ok }) => !ok)).toEqual([]);
  });

  it.each([
    ['session.matching_8: 0.90 µs', round(0.9, 1), MEMORY],
    ['session.stored_8: 1.20 µs', round(0.7, 1.2), MEMORY],
    ['session.stored_8: NaN µs', round(0.7, Number.NaN), MEMORY],
    ['session.memory, a session: 641 bytes', round(0.7, 1), { ...MEMORY, sessionBytes: 641 }],
    ['session.memory, a window: 321 bytes', round(0.7, 1), { ...MEMORY, windowBytes: 321 }],
  ])('name %s', (line, rounds, memory) => {
    const missed = judgeSessions(rounds, [memory], BUDGETS).filter(({ ok }) => !ok);
    expect(missed).toHaveLength(1);
    expect(missed[0]?.line).toContain(line);
  });
});
