import { StartFailed } from '@firma/core';
import { Bench } from 'tinybench';
import {
  CALL_STAGES,
  type CallStage,
  eachOf,
  type Figures,
  type Quantile,
  quantileOf,
  QUANTILES,
} from './figures.ts';
import type { Lane, Samples } from './lane.ts';
import type { Side } from './side.ts';
import type { BenchIssuer } from './tokens.ts';

/** Quantiles that are compared between two configurations. */
export const COMPARED = ['p50', 'p99'] as const satisfies readonly Quantile[];

export type Compared = (typeof COMPARED)[number];

/** What one round came to, in microseconds. */
export interface Round {
  /** Over all timed calls. */
  readonly figures: Figures;
  /**
   * Over the calls of the schedule, each by the fastest of its laps, so that what a neighbour did to the others is not in
   * it. Only calls that both configurations answer alike.
   */
  readonly typical: Readonly<Record<CallStage, Readonly<Record<Compared, number>>>>;
}

export interface Measured {
  readonly present: readonly Round[];
  /** Round by round beside `present`; empty without a baseline. */
  readonly baseline: readonly Round[];
  /** Calls timed a round. */
  readonly samples: number;
  readonly roundMs: number;
}

export interface MeasureOptions {
  readonly durationMs: number;
  readonly issuer: BenchIssuer;
  readonly tokens: readonly string[];
  readonly startMs: number;
}

const FIRST_SHARE = 0.05;
const WARM_UP_SHARE = 0.15;
const COLD_SHARE = 0.2;
/** Rounds, by how long all of them take at least. */
const ROUNDS = [
  { ms: 2500, rounds: 10 },
  { ms: 500, rounds: 5 },
  { ms: 0, rounds: 3 },
] as const;
/** First verifications at a time. */
const MIN_TOKENS = 32;
const MIN_LAPS = 3;
const MIN_POSITIONS = 32;
const MAX_SAMPLES = 500_000;

/** The p50 and p99 over the positions, each by the fastest of its laps. */
function typicalOf(
  samples: Float64Array,
  laps: number,
  isCompared: readonly boolean[],
): Readonly<Record<Compared, number>> {
  const positions = samples.length / laps;
  const fastest: number[] = [];
  for (let position = 0; position < positions; position++) {
    if (isCompared[position] !== true) continue;
    let us = Infinity;
    for (let lap = 0; lap < laps; lap++) us = Math.min(us, samples[lap * positions + position] ?? us);
    fastest.push(us);
  }
  const sorted = Float64Array.from(fastest).sort();
  return eachOf(COMPARED, (quantile) => quantileOf(sorted, quantile));
}

function quantilesOf(samples: Float64Array): Readonly<Record<Quantile, number>> {
  const sorted = samples.toSorted();
  return eachOf(QUANTILES, (quantile) => quantileOf(sorted, quantile));
}

function roundOf(
  samples: Samples,
  verify: Float64Array,
  laps: number,
  isCompared: readonly boolean[],
): Round {
  return {
    figures: {
      ...eachOf(CALL_STAGES, (stage) => quantilesOf(samples[stage])),
      verify: quantilesOf(verify),
    },
    typical: eachOf(CALL_STAGES, (stage) => typicalOf(samples[stage], laps, isCompared)),
  };
}

/** Microseconds of the first verification of tokens, one after the other, for a share of the round. */
async function coldTokens(
  { config, probe }: Side,
  ms: number,
  options: MeasureOptions,
): Promise<Float64Array> {
  const { issuer, startMs, tokens } = options;
  const verifier = await issuer.verifier(config.skewS);
  const samples: number[] = [];
  const verifyNext = async (): Promise<{ overriddenDuration: number }> => {
    const startedAt = performance.now();
    const verified = await verifier.verify(tokens[samples.length] ?? '', startMs / 1000);
    probe.delay('verify');
    const overriddenDuration = performance.now() - startedAt;
    if ('refused' in verified) throw new StartFailed(`a token of the bench is refused: ${verified.detail}`);
    samples.push(overriddenDuration * 1000);
    return { overriddenDuration };
  };
  probe.timing = true;
  try {
    const until = performance.now() + ms;
    const iterations = Math.min(MIN_TOKENS, tokens.length);
    do {
      const bench = new Bench({ iterations, time: 0, warmup: false, throws: true });
      await bench.add('verify', verifyNext, { async: true }).run();
    } while (performance.now() < until && samples.length + iterations <= tokens.length);
  } finally {
    probe.timing = false;
  }
  return Float64Array.from(samples);
}

/** How much is timed a round: whole laps, of the whole schedule where there is time for it. */
function sizeOf(callMs: number, roundMs: number, positions: number): { laps: number; positions: number } {
  const calls = Math.min(MAX_SAMPLES, Math.max(1, Math.floor(roundMs / callMs)));
  const shortened = Math.min(positions, Math.max(MIN_POSITIONS, Math.floor(calls / MIN_LAPS)));
  return { laps: Math.max(MIN_LAPS, Math.floor(calls / shortened)), positions: shortened };
}

/**
 * Times both configurations in turns: A B, B A, A B, …, so that whatever the machine does meanwhile meets both.
 *
 * @param present learned its answers already
 * @param baseline as well; absent: nothing is compared
 */
export async function measure(
  present: Lane,
  baseline: Lane | undefined,
  options: MeasureOptions,
): Promise<Measured> {
  const { durationMs } = options;
  const lanes = baseline === undefined ? [present] : [baseline, present];
  const { rounds } = ROUNDS.find(({ ms }) => durationMs >= ms) ?? { rounds: 3 };
  const roundMs = durationMs / rounds;
  const isCompared = present.answers.map(
    (answer, position) => baseline === undefined || baseline.answers[position] === answer,
  );

  const all = present.answers.length;
  let callMs = 0;
  for (const lane of lanes) {
    // With a slow configuration a whole lap may take longer than there is time for.
    const firstMs = await lane.warmUp(durationMs * FIRST_SHARE, Math.min(MIN_POSITIONS, all));
    const { positions } = sizeOf(firstMs, roundMs, all);
    callMs = Math.max(callMs, await lane.warmUp(durationMs * WARM_UP_SHARE, positions));
  }
  const { laps, positions } = sizeOf(callMs, roundMs, all);

  const results = new Map<Lane, Round[]>(lanes.map((lane) => [lane, []]));
  for (let round = 0; round < rounds; round++) {
    // Before both, so that what it leaves in the caches of the machine meets neither alone.
    const verify = await coldTokens(present.side, roundMs * COLD_SHARE, options);
    for (const lane of round % 2 === 0 ? lanes : lanes.toReversed()) {
      const samples = await lane.round(laps, positions);
      results.get(lane)?.push(roundOf(samples, verify, laps, isCompared));
    }
  }
  return {
    present: results.get(present) ?? [],
    baseline: baseline === undefined ? [] : (results.get(baseline) ?? []),
    samples: laps * positions,
    roundMs,
  };
}
