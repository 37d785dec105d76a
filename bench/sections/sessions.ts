import { each, number, table } from '../figures.ts';
import {
  measureSessionMemory,
  measureSessions,
  SESSION_FIGURES,
  type SessionFigure,
} from '../micro/session.bench.ts';

const SAMPLES = 200;
const WHAT: Readonly<Record<SessionFigure, string>> = {
  matching_8: '8 of 20 rules match',
  matching_20: 'all 20 match',
  stored_8: '8 of 20, with a store',
  stored_20: 'all 20, with a store',
};

/** Reserve, commit and release over 100,000 sessions. */
export async function sessionsSection(rounds: number): Promise<readonly string[]> {
  const measured = await measureSessions({ figures: SESSION_FIGURES, rounds, samples: SAMPLES, plantMs: 0 });
  const { sessionBytes, windowBytes } = await measureSessionMemory();
  const rows = SESSION_FIGURES.map((figure) => {
    const medians = measured.flatMap((round) => (round.figure === figure ? round.medianUs : []));
    const asked = figure === 'matching_8' ? '≤ 0.5 (reserve and commit)' : '';
    return [WHAT[figure], number(Math.min(...medians), 2), each(medians, 2), asked];
  });
  return [
    `100,000 sessions, 20 rules each, 1,000 calls a sample, ${SAMPLES} samples a round. ${number(sessionBytes)} bytes a session with four ` +
      `budgets (asked for: ≤ 640), ${number(windowBytes)} more a window (≤ 320).`,
    '',
    ...table(
      ['reserve, commit and release', 'lowest median, µs a call', 'median of each round, µs', 'asked for'],
      rows,
    ),
  ];
}
