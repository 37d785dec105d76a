import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Bundle,
  CompiledEngine,
  type LinkedBundle,
  linkSteps,
  type PolicyEngine,
  ReferenceEngine,
} from '@firma/core';
import { DifferenceLog } from './difference-log.ts';
import { type ShadowCounts, ShadowedEngine } from './shadow.ts';

export interface ShadowStats extends ShadowCounts {
  /** Confirmed differences that are not in the file: it was full, or could not be written. */
  readonly unwritten: number;
}

export interface PolicyStats {
  readonly engine: string;
  /** Queries that the reference engine answered in place of the compiled one. */
  readonly declined: number;
  /** Undefined where `sidecar.policy.shadow` is 0. */
  readonly shadow: ShadowStats | undefined;
}

/** What decides: the compiled engine, with the reference engine behind it and, for a share of decisions, beside it. */
export interface DecidingEngine {
  readonly engine: PolicyEngine;
  stats(): PolicyStats;
  close(): Promise<void>;
}

const SLICE_MS = 1.5;

/** Links a bundle while the thread goes on deciding: never more than about 2 ms at a time. */
async function linkInSlices(bundle: Bundle): Promise<LinkedBundle> {
  const steps = linkSteps(bundle);
  let until = performance.now() + SLICE_MS;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() < until) continue;
    await nextTurn();
    until = performance.now() + SLICE_MS;
  }
}

/**
 * Opens the engines for one bundle; another bundle gets its own. Cedar is started already.
 *
 * @param share of decisions that the reference engine takes again, in a thread of its own: 0 to 1
 * @param runDir where confirmed differences are written
 */
export async function openDecidingEngine(
  bundle: Bundle,
  bundleDigest: string,
  share: number,
  runDir: string,
): Promise<DecidingEngine> {
  const reference = new ReferenceEngine(bundle);
  const compiled = new CompiledEngine(reference, await linkInSlices(bundle));
  const statsOf = (shadow: ShadowStats | undefined): PolicyStats => ({
    engine: compiled.name,
    declined: compiled.declinedAnswers,
    shadow,
  });
  if (share === 0) {
    return {
      engine: compiled,
      stats: () => statsOf(undefined),
      close() {
        reference.close();
        return Promise.resolve();
      },
    };
  }
  const alert = (line: string): void => void process.stderr.write(`firma: ${line}\n`);
  const differences = new DifferenceLog({ file: join(runDir, 'policy-differences.jsonl'), alert });
  const shadowed = new ShadowedEngine(compiled, {
    bundle,
    bundleDigest,
    share,
    random: Math.random,
    onDifference: (difference) => differences.add(difference),
    onUnavailable: alert,
  });
  return {
    engine: shadowed,
    stats: () => statsOf({ ...shadowed.counts, unwritten: differences.unwritten }),
    async close() {
      await shadowed.close();
      await differences.close();
      reference.close();
    },
  };
}
