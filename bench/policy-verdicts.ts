import type { Budgets } from './budgets.ts';
import type { Contestant, PolicyFigure, PolicyResult } from './micro/policy.bench.ts';
import type { Verdict } from './normalizer-verdicts.ts';

/** The sizes of bundle that the gate looks at. */
export const GATED = ['policies_10', 'policies_1000'] as const satisfies readonly PolicyFigure[];

/** Judges the compiled engine by its lowest median of all rounds, and by how many times as long cedar-wasm takes. */
export function judgePolicies(
  results: readonly PolicyResult[],
  budgets: Budgets['policy'],
): readonly Verdict[] {
  const rounds = results.flatMap((result) => result.rounds);
  const lowest = (figure: PolicyFigure, contestant: Contestant): number => {
    const medians = rounds.flatMap((round) =>
      round.figure === figure ? (round.medianUs.get(contestant) ?? []) : [],
    );
    return Math.min(...medians);
  };
  return GATED.map((figure) => {
    const { medianUs, overCedar } = budgets[figure];
    const own = lowest(figure, 'compiled');
    const times = lowest(figure, 'cedar') / own;
    const ok = own <= medianUs && times >= overCedar;
    return {
      ok,
      line:
        `${ok ? 'ok    ' : 'MISSED'} policy.${figure}: ${own.toFixed(2)} µs, budget ${medianUs} µs; ` +
        `cedar-wasm takes ${times.toFixed(0)} times as long, at least ${overCedar}`,
    };
  });
}
