import { parseArgs } from 'node:util';
import { startCedar } from '@firma/core';
import * as fc from 'fast-check';
import { cedarModule } from '../src/cedar-module.ts';
import {
  compareEngines,
  EnginesDiffer,
  fuzzCase,
  QUERIES_A_CASE,
  Tally,
} from './workloads/fuzz/differential.ts';

const CASES_A_ROUND = 250;

const { values } = parseArgs({
  options: { seed: { type: 'string' }, requests: { type: 'string', default: '1000000' } },
});
const firstSeed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const wanted = Number(values.requests);
if (!Number.isSafeInteger(firstSeed) || !Number.isSafeInteger(wanted) || wanted < 1) {
  process.stderr.write('usage: fuzz-policy [--seed N] [--requests N]\n');
  process.exit(2);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function share(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(0);
}

function summary(tally: Tally, startedMs: number): string {
  const { bundles, policies, refused, requests, satisfied, allowed, aborted, errored, declined } = tally;
  return [
    `${requests} requests, ${bundles} bundles in ${seconds(startedMs)} s`,
    `satisfied ${share(satisfied, requests)}`,
    `allowed ${share(allowed, requests)}`,
    `aborted ${share(aborted, requests)}`,
    `errored ${share(errored, requests)}`,
    `declined ${share(declined, requests)}`,
    `refused policies ${share(refused, policies)}`,
  ].join('; ');
}

startCedar(cedarModule());
const startedMs = performance.now();
const tally = new Tally();
say(`seed ${firstSeed}, ${wanted} requests`);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

for (let seed = firstSeed; tally.requests < wanted; seed += 1) {
  const left = Math.ceil((wanted - tally.requests) / QUERIES_A_CASE);
  const round = new Tally();
  let first: unknown;
  const property = fc.property(fuzzCase, (fuzzed) => {
    try {
      compareEngines(fuzzed, round);
    } catch (error) {
      first ??= error;
      throw error;
    }
  });
  const result = fc.check(property, { seed, numRuns: Math.min(CASES_A_ROUND, left), unbiased: true });
  if (result.failed) {
    say(`FAILED after ${tally.requests} requests without a difference, ${seconds(startedMs)} s`);
    say(`again: --seed ${seed} --requests ${CASES_A_ROUND * QUERIES_A_CASE}`);
    // Where cedar-wasm has trapped, every later call traps, and shrinking says nothing.
    const isDifference = result.errorInstance instanceof EnginesDiffer;
    say(messageOf(isDifference ? result.errorInstance : first));
    process.exitCode = 1;
    break;
  }
  tally.add(round);
  say(`seed ${seed}: ${summary(tally, startedMs)}`);
}
