// All figures, as Markdown tables on standard output: what `bench/RESULTS.md` is made from.

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { FIGURES, measureDecisions } from './micro/decision.bench.ts';
import { type Contestant, measurePolicies } from './micro/policy.bench.ts';
import {
  measureSessionMemory,
  measureSessions,
  SESSION_FIGURES,
  type SessionFigure,
} from './micro/session.bench.ts';
import { measureNormalizer, type NormalizerFigure } from './micro/normalizer.bench.ts';

const ROUNDS = 5;

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

const results = await measureDecisions({ rounds: ROUNDS, calls: 2000, plantMs: 0 });
const lines = [
  `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}, commit ${commit()}.`,
  '',
  '| figure | samples a round | median, middle round | median, all rounds | p99, lowest round | p99 - machine noise, all rounds |',
  '|---|---|---|---|---|---|',
];
for (const figure of FIGURES) {
  const rounds = results.filter((round) => round.figure === figure);
  const medians = rounds.map((round) => round.medianMs * 1000).sort((left, right) => left - right);
  const p99s = rounds.map((round) => round.p99Ms * 1000);
  const withNoise = rounds.map(
    ({ p99Ms, noiseMs }) => `${(p99Ms * 1000).toFixed(0)}-${(noiseMs * 1000).toFixed(0)}`,
  );
  const spread = (values: readonly number[]): string => values.map((value) => value.toFixed(0)).join(' ');
  lines.push(
    `| decide, ${figure} | ${rounds[0]?.samples ?? 0} | ${medians[Math.floor(ROUNDS / 2)]?.toFixed(0) ?? '-'} µs | ` +
      `${spread(medians)} | ${Math.min(...p99s).toFixed(0)} µs | ${withNoise.join(' ')} |`,
  );
}

const NORMALIZER: readonly (readonly [NormalizerFigure, string])[] = [
  ['canonical', '`Normalizer.match`, canonical target'],
  ['rewritten', '`Normalizer.match`, rewritten target'],
  ['trie', 'matching alone: trie'],
  ['find_my_way', 'matching alone: find-my-way'],
  ['linear', 'matching alone: linear scan'],
  ['rules_10', 'trie, 10 rules'],
  ['rules_10000', 'trie, 10,000 rules'],
];

const normalizer = await measureNormalizer({ rounds: ROUNDS, samples: 100, plantMs: 0, withLinear: true });
const ordered = (values: readonly number[]): number[] => [...values].sort((left, right) => left - right);
const loads = ordered(normalizer.rounds.map(({ loadMs }) => loadMs));
lines.push(
  '',
  `${normalizer.rules} rules, ${normalizer.requests} requests a sample, 100 samples a round. Loading all tables: ` +
    `${loads.map((ms) => ms.toFixed(0)).join(' ')} ms, ${normalizer.loadedMb.toFixed(1)} MB.`,
  '',
  '| figure | lowest median, ns a request | median of each round, ns | times the trie |',
  '|---|---|---|---|',
);
const mediansOf = (figure: NormalizerFigure): readonly number[] =>
  ordered(normalizer.rounds.flatMap(({ medianUs }) => medianUs.get(figure) ?? [])).map((us) => us * 1000);
for (const [figure, what] of NORMALIZER) {
  const medians = mediansOf(figure);
  const [lowest] = medians;
  lines.push(
    lowest === undefined
      ? `| ${what} | not installed: \`npm ci --prefix bench/peers\` | | |`
      : `| ${what} | ${lowest.toFixed(0)} | ${medians.map((ns) => ns.toFixed(0)).join(' ')} | ` +
          `${(lowest / (mediansOf('trie')[0] ?? Number.NaN)).toFixed(2)} |`,
  );
}
const policies = await measurePolicies({ rounds: ROUNDS, samples: 40, plantMs: 0, withCedar: true });
lines.push(
  '',
  '| policies | compiled, µs a query: lowest median | median of each round | cedar-wasm, sliced, µs | cedar-wasm, all policies, µs | casbin, µs; policies it holds; queries left out | load, ms | link, ms | linked, MB |',
  '|---|---|---|---|---|---|---|---|---|',
);
for (const load of policies.loads) {
  const medians = (contestant: Contestant): readonly number[] =>
    ordered(
      policies.rounds.flatMap(({ figure, medianUs }) =>
        figure === load.figure ? (medianUs.get(contestant) ?? []) : [],
      ),
    );
  const [own = Number.NaN] = medians('compiled');
  const over = (contestant: Contestant): string => {
    const [other] = medians(contestant);
    return other === undefined ? 'not measured' : `${other.toFixed(1)} (${(other / own).toFixed(0)} times)`;
  };
  const overCasbin =
    load.casbin === undefined
      ? 'not measured'
      : `${over('casbin')}; ${load.casbin.policies} of ${load.policies}; ${load.casbin.leftOut}`;
  const all = medians('compiled').map((us) => us.toFixed(2));
  lines.push(
    `| ${load.figure}: ${load.policies} | ${own.toFixed(2)} | ${all.join(' ')} | ${over('reference')} | ${over('cedar')} | ${overCasbin} | ` +
      `${load.loadMs.toFixed(0)} | ${load.linkMs.toFixed(0)} | ${load.linkedMb.toFixed(1)} |`,
  );
}
const SESSIONS: Readonly<Record<SessionFigure, string>> = {
  matching_8: '8 of 20 rules match',
  matching_20: 'all 20 match',
  stored_8: '8 of 20, with a store',
  stored_20: 'all 20, with a store',
};
const sessions = await measureSessions({
  figures: SESSION_FIGURES,
  rounds: ROUNDS,
  samples: 200,
  plantMs: 0,
});
const { sessionBytes, windowBytes } = await measureSessionMemory();
lines.push(
  '',
  `100,000 sessions, 1,000 calls a sample, 200 samples a round. ${sessionBytes.toFixed(0)} bytes a session with four ` +
    `budgets, ${windowBytes.toFixed(0)} more a window.`,
  '',
  '| reserve, commit and release | lowest median, µs a call | median of each round, µs |',
  '|---|---|---|',
);
for (const figure of SESSION_FIGURES) {
  const medians = ordered(sessions.flatMap((round) => (round.figure === figure ? round.medianUs : [])));
  const all = medians.map((us) => us.toFixed(2));
  lines.push(`| ${SESSIONS[figure]} | ${all[0] ?? '-'} | ${all.join(' ')} |`);
}
process.stdout.write(`${lines.join('\n')}\n`);
