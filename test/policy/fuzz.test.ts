import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareEngines,
  fuzzCase,
  type MakeEngine,
  QUERIES_A_CASE,
  Tally,
} from '../../bench/workloads/fuzz/differential.ts';
import { startCedar } from '../../native-free-core/policy/cedar.ts';
import { CompiledEngine, linkBundle } from '../../native-free-core/policy/compiled/engine.ts';
import { cedarModule } from '../../src/cedar-module.ts';

startCedar(cedarModule());

const REQUESTS = 10_000;

/** The compiled engine where every query meets every policy. */
const withoutIndex: MakeEngine = (bundle, reference) =>
  new CompiledEngine(reference, linkBundle(bundle, { indexed: false }));

describe('the compiled engine against cedar-wasm', () => {
  it(
    'answers random queries of random policies alike, with its index and without',
    { timeout: 120_000 },
    () => {
      const tally = new Tally();
      // Some more cases than are needed on the average.
      const numRuns = Math.ceil((1.2 * REQUESTS) / QUERIES_A_CASE);
      fc.assert(
        fc.property(fuzzCase, (fuzzed) => compareEngines(fuzzed, tally, [withoutIndex])),
        { numRuns, unbiased: true },
      );
      expect(tally.requests).toBeGreaterThanOrEqual(REQUESTS);
      // What is compared is worth comparing.
      expect(tally.satisfied / tally.requests).toBeGreaterThan(0.3);
      expect(tally.errored / tally.requests).toBeGreaterThan(0.005);
      expect(tally.allowed / tally.requests).toBeGreaterThan(0.05);
      expect(tally.aborted / tally.requests).toBeGreaterThan(0.05);
      expect(tally.declined / tally.requests).toBeLessThan(0.03);
      expect(tally.refused / tally.policies).toBeLessThan(0.1);
    },
  );
});
