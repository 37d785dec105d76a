import { join } from 'node:path';
import { type Bundle, CompiledEngine, type PolicyEngine, ReferenceEngine } from '@firma/core';
import { DifferenceLog } from './difference-log.ts';
import { type ShadowCounts, ShadowedEngine } from './shadow.ts';

export interface PolicyStats {
  readonly engine: string;
  /** Queries that the reference engine answered in place of the compiled one. */
  readonly declined: number;
  /** Undefined where `sidecar.policy.shadow` is 0. */
  readonly shadow: ShadowCounts | undefined;
}

/** What decides: the compiled engine, with the reference engine behind it and, for a share of decisions, beside it. */
export interface DecidingEngine {
  readonly engine: PolicyEngine;
  stats(): PolicyStats;
  close(): Promise<void>;
}

/**
 * Opens the engines for one bundle. Cedar is started already.
 *
 * @param share of decisions that the reference engine takes again, in a thread of its own: 0 to 1
 * @param runDir where confirmed differences are written
 */
export function openDecidingEngine(
  bundle: Bundle,
  bundleDigest: string,
  share: number,
  runDir: string,
): DecidingEngine {
  const reference = new ReferenceEngine(bundle);
  const compiled = new CompiledEngine(reference, bundle);
  const statsOf = (shadow: ShadowCounts | undefined): PolicyStats => ({
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
  const differences = new DifferenceLog({
    file: join(runDir, 'policy-differences.jsonl'),
    alert: (line) => process.stderr.write(`firma: ${line}\n`),
  });
  const shadowed = new ShadowedEngine(compiled, {
    bundle,
    bundleDigest,
    share,
    random: Math.random,
    onDifference: (difference) => differences.add(difference),
  });
  return {
    engine: shadowed,
    stats: () => statsOf(shadowed.counts),
    async close() {
      await shadowed.close();
      await differences.close();
      reference.close();
    },
  };
}
