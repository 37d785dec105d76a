import type { SessionBudgets } from './budgets.ts';
import type { SessionFigure, SessionMemory, SessionRound } from './micro/session.bench.ts';
import type { Verdict } from './normalizer-verdicts.ts';

/** What the gate looks at: the others move with these two. */
export const GATED_SESSIONS = ['matching_8', 'stored_8'] as const satisfies readonly SessionFigure[];

/** Judges every figure by its lowest median of all rounds, and memory by the least that was seen, since noise only adds. */
export function judgeSessions(
  rounds: readonly SessionRound[],
  memory: readonly SessionMemory[],
  budgets: SessionBudgets,
): readonly Verdict[] {
  const verdict = (name: string, least: number, limit: number, digits: number, unit: string): Verdict => {
    const ok = least <= limit;
    return {
      ok,
      line: `${ok ? 'ok    ' : 'MISSED'} session.${name}: ${least.toFixed(digits)} ${unit}, budget ${limit} ${unit}`,
    };
  };
  const lowest = (figure: SessionFigure): number =>
    Math.min(...rounds.filter((round) => round.figure === figure).map(({ medianUs }) => medianUs));
  const least = (of: keyof SessionMemory): number => Math.min(...memory.map((one) => one[of]));
  const times = GATED_SESSIONS.map((figure) =>
    verdict(figure, lowest(figure), budgets.medianUs[figure], 2, 'µs'),
  );
  if (memory.length === 0) return times;
  return [
    ...times,
    verdict('memory, a session', least('sessionBytes'), budgets.sessionBytes, 0, 'bytes'),
    verdict('memory, a window', least('windowBytes'), budgets.windowBytes, 0, 'bytes'),
  ];
}
