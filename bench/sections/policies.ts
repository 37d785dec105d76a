import { each, number, table } from '../figures.ts';
import { type Contestant, measurePolicies } from '../micro/policy.bench.ts';

/** The compiled policy engine beside cedar-wasm and casbin. */
export async function policiesSection(rounds: number): Promise<readonly string[]> {
  const measured = await measurePolicies({ rounds, samples: 40, plantMs: 0, withCedar: true });
  const rows = measured.loads.map((load) => {
    const medians = (contestant: Contestant): readonly number[] =>
      measured.rounds.flatMap(({ figure, medianUs }) =>
        figure === load.figure ? (medianUs.get(contestant) ?? []) : [],
      );
    const lowest = (contestant: Contestant): number => Math.min(...medians(contestant));
    const beside = (contestant: Contestant): string =>
      medians(contestant).length === 0
        ? 'not measured'
        : `${number(lowest(contestant), 1)} (${number(lowest(contestant) / lowest('compiled'))} times)`;
    return [
      `${load.figure}: ${number(load.policies)}`,
      number(lowest('compiled'), 2),
      each(medians('compiled'), 2),
      beside('reference'),
      beside('cedar'),
      load.casbin === undefined
        ? 'not measured'
        : `${beside('casbin')}; ${load.casbin.policies}; ${load.casbin.leftOut}`,
      number(load.loadMs),
      `${number(load.linkMs)}; ${number(load.linkedMb, 1)}`,
    ];
  });
  return [
    'Asked for: 1, 2 and 3 µs at 10, 1,000 and 10,000 policies; cedar-wasm with all policies 30 and 500 times that at 10 and 1,000.',
    '',
    ...table(
      [
        'policies',
        'compiled, µs a query: lowest median',
        'median of each round',
        'cedar-wasm, sliced, µs',
        'cedar-wasm, all policies, µs',
        'casbin, µs; policies it holds; queries left out of 100',
        'load, ms',
        'link, ms; MB',
      ],
      rows,
    ),
  ];
}
