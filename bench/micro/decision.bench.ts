import { setTimeout } from 'node:timers/promises';
import { Bench } from 'tinybench';
import type { Caller } from '../../src/firma.ts';
import {
  assertAllowed,
  NO_BODY,
  openWorkload,
  READ_REPOSITORY,
  type Workload,
} from '../workloads/decisions.ts';
import { Yardstick } from './yardstick.ts';

/**
 * - `warm`: a decision whose token was seen before: canonicalise, match, check, ask Cedar, put the record into the
 *   batch that leaves for the writer process at the end of the turn.
 * - `cold_token`: the first decision of a token, whose signature is verified too.
 */
export type Figure = 'cold_token' | 'warm';

export const FIGURES: readonly Figure[] = ['warm', 'cold_token'];

/** One round of one figure, in milliseconds. */
export interface Round {
  readonly figure: Figure;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** What the machine added to p99 meanwhile (`Yardstick`). */
  readonly noiseMs: number;
  readonly samples: number;
}

export interface MeasureOptions {
  readonly rounds: number;
  /** Calls a round; a tenth of it where every call needs a token of its own. */
  readonly calls: number;
  /** Makes every call slower by so much: a gate that cannot fail gates nothing. */
  readonly plantMs: number;
}

// After so many calls the bench waits, untimed, until the writer process has written what it was handed: a figure is
// the latency of a decision, not of one that shares a core with the log of those before it.
const PAUSE_EVERY = 400;
const WARM_UP_SHARE = 0.2;
const FIRST_WARM_MS = 0.05;
const FIRST_COLD_MS = 0.5;

function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

async function logIsWritten({ firma }: Workload): Promise<void> {
  while (firma.parts.audit.stats.queued > 0) await setTimeout(1);
}

async function measure(
  workload: Workload,
  figure: Figure,
  callers: readonly Caller[],
  calls: number,
  plantMs: number,
  lengthMs: number,
): Promise<Round> {
  const { firma } = workload;
  const bench = new Bench({
    iterations: calls,
    time: 0,
    warmupIterations: calls * WARM_UP_SHARE,
    warmupTime: 0,
    throws: true,
  });
  const yardstick = new Yardstick(lengthMs);
  let call = 0;
  bench.add(figure, async () => {
    const caller = callers[call++ % callers.length];
    if (caller === undefined) throw new Error('there is no token');
    const startedAt = performance.now();
    const answer = firma.decidePrepared(firma.prepare(READ_REPOSITORY), NO_BODY, caller);
    // Awaiting a decision that is there already would time the event loop.
    const decision = answer instanceof Promise ? await answer : answer;
    if (plantMs > 0) busyFor(plantMs);
    const overriddenDuration = performance.now() - startedAt;
    assertAllowed(decision);
    firma.parts.decider.answered(decision);
    yardstick.run();
    if (call % PAUSE_EVERY === 0) await logIsWritten(workload);
    return { overriddenDuration };
  });
  // What earlier rounds left behind is not this round's.
  globalThis.gc?.();
  const [task] = await bench.run();
  const result = task?.result;
  if (result === undefined || !('latency' in result)) throw new Error(`figure ${figure} was not measured`);
  const { p50, p99, samplesCount } = result.latency;
  return { figure, medianMs: p50, p99Ms: p99, noiseMs: yardstick.noiseMs(), samples: samplesCount };
}

/** Measures every figure once a round, in turns. */
export async function measureDecisions({ rounds, calls, plantMs }: MeasureOptions): Promise<Round[]> {
  const workload = await openWorkload();
  try {
    const results: Round[] = [];
    const one = await workload.callers(1);
    const colds = Math.ceil(calls / 10);
    for (const caller of one) {
      assertAllowed(
        await workload.firma.decidePrepared(workload.firma.prepare(READ_REPOSITORY), NO_BODY, caller),
      );
    }
    // The yardstick is as long as the figure was in the round before.
    let warmMs = FIRST_WARM_MS;
    let coldMs = FIRST_COLD_MS;
    for (let round = 0; round < rounds; round++) {
      const warm = await measure(workload, 'warm', one, calls, plantMs, warmMs);
      const fresh = await workload.callers(Math.ceil(colds * (1 + WARM_UP_SHARE)) + 1);
      const cold = await measure(workload, 'cold_token', fresh, colds, plantMs, coldMs);
      results.push(warm, cold);
      warmMs = warm.medianMs;
      coldMs = cold.medianMs;
    }
    return results;
  } finally {
    await workload.close();
  }
}
