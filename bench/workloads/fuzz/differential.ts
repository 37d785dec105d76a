import { isDeepStrictEqual } from 'node:util';
import {
  type Bundle,
  CompiledEngine,
  linkBundle,
  loadBundle,
  type PolicyEngine,
  PolicyInvalid,
  type PolicyQuery,
  ReferenceEngine,
} from '@firma/core';
import * as fc from 'fast-check';
import { policies } from './policies.ts';
import { query } from './queries.ts';
import { INPUTS } from './vocabulary.ts';

/** What was compared. Of `requests`, so many: */
export class Tally {
  bundles = 0;
  policies = 0;
  /** Policies that did not validate and were left out. */
  refused = 0;
  requests = 0;
  /** Some policy was satisfied. */
  satisfied = 0;
  allowed = 0;
  aborted = 0;
  /** Some policy's evaluation errored. */
  errored = 0;
  /** Answered by the reference engine in place of the compiled one. */
  declined = 0;

  add(other: Tally): void {
    this.bundles += other.bundles;
    this.policies += other.policies;
    this.refused += other.refused;
    this.requests += other.requests;
    this.satisfied += other.satisfied;
    this.allowed += other.allowed;
    this.aborted += other.aborted;
    this.errored += other.errored;
    this.declined += other.declined;
  }
}

export interface FuzzCase {
  readonly policies: readonly string[];
  readonly queries: readonly PolicyQuery[];
}

/** Makes another engine to compare, beside the compiled one. */
export type MakeEngine = (bundle: Bundle, reference: ReferenceEngine) => PolicyEngine;

/** Queries are asked of one bundle together: loading it costs as much as a hundred of them. */
const MAX_QUERIES = 119;
/** On the average. */
export const QUERIES_A_CASE = (MAX_QUERIES + 1) / 2;

export const fuzzCase: fc.Arbitrary<FuzzCase> = fc.record({
  policies,
  queries: fc.array(query, { minLength: 1, maxLength: MAX_QUERIES, size: 'max' }),
});

/**
 * Loads the policies that validate, one a line.
 *
 * A condition that can never hold is a warning, which refuses a bundle; chance writes some.
 */
function loadValid(texts: readonly string[], tally: Tally): Bundle {
  const lines = texts.slice();
  tally.policies += lines.length;
  for (;;) {
    try {
      return loadBundle([{ file: 'fuzz.cedar', text: lines.join('\n') }], INPUTS);
    } catch (error) {
      const line = error instanceof PolicyInvalid ? error.at?.line : undefined;
      if (line === undefined) throw error;
      lines.splice(line - 1, 1);
      tally.refused += 1;
    }
  }
}

/** The message holds everything needed to see the difference again. */
export class EnginesDiffer extends Error {}

function describe(bundle: Bundle, asked: PolicyQuery, answers: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(answers).map(([name, answer]) => `${name}: ${JSON.stringify(answer)}`);
  return [
    'the engines differ',
    ...shown,
    'policies:',
    ...bundle.policies.map(({ text }) => text),
    `query: ${JSON.stringify(asked)}`,
  ].join('\n');
}

/**
 * Asks the compiled engine and the reference engine, which is cedar-wasm, every query of a case.
 *
 * @throws EnginesDiffer where their verdicts differ in anything, with policies and query
 */
export function compareEngines(fuzzed: FuzzCase, tally: Tally, others: readonly MakeEngine[] = []): void {
  const bundle = loadValid(fuzzed.policies, tally);
  const reference = new ReferenceEngine(bundle);
  try {
    const compiled = new CompiledEngine(reference, linkBundle(bundle));
    const subjects = [compiled, ...others.map((make) => make(bundle, reference))];
    for (const asked of fuzzed.queries) {
      const expected = reference.evaluate(asked);
      for (const subject of subjects) {
        const answer = subject.evaluate(asked);
        if (isDeepStrictEqual(answer, expected)) continue;
        throw new EnginesDiffer(describe(bundle, asked, { reference: expected, [subject.name]: answer }));
      }
      tally.requests += 1;
      if (expected.determining.length > 0) tally.satisfied += 1;
      if (expected.allowed) tally.allowed += 1;
      if (expected.abort) tally.aborted += 1;
      if (expected.errored.length > 0) tally.errored += 1;
    }
    tally.bundles += 1;
    tally.declined += compiled.declinedAnswers;
  } finally {
    reference.close();
  }
}
