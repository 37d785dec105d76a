import { isDeepStrictEqual } from 'node:util';
import {
  ACTION_CLASSES,
  type Bundle,
  classSet,
  CompiledEngine,
  linkBundle,
  linkSteps,
  type PolicyEngine,
  type PolicyQuery,
  type PolicyVerdict,
  ReferenceEngine,
  startCedar,
} from '@firma/core';
import { Bench } from 'tinybench';
import { cedarModule } from '../../src/cedar-module.ts';
import { oneLinePolicies, policiesOf, queriesOf } from '../workloads/policies.ts';
import { casbinRequest, ofCasbin, startCasbin } from './casbin.ts';

/**
 * - `policies_…`: as many policies, of which one in a hundred names neither action nor agent nor group.
 * - `named_10000`: each names an action and an agent or group.
 * - `unnamed_100`: none names any, so every query meets all of them.
 * - `one_line_98`: 96 permits that each name one agent and one action, a forbid on an action, a permit with two conditions.
 */
export type PolicyFigure =
  | 'policies_2'
  | 'policies_10'
  | 'policies_100'
  | 'policies_1000'
  | 'policies_10000'
  | 'named_10000'
  | 'unnamed_100'
  | 'one_line_98';

/**
 * - `compiled`: the compiled engine.
 * - `reference`: cedar-wasm on preparsed policies, sliced by action.
 * - `cedar`: cedar-wasm on preparsed policies, all of them for every query.
 * - `casbin`: casbin on those policies that it can express, for the queries that the others do not decide differently.
 */
export type Contestant = 'compiled' | 'reference' | 'cedar' | 'casbin';

export interface PolicyRound {
  readonly figure: PolicyFigure;
  /**
   * Median over the samples, in microseconds a query. `cedar` and `casbin` are absent at 10,000 policies, `casbin` also
   * where it can express no policy and where it is not installed.
   */
  readonly medianUs: ReadonlyMap<Contestant, number>;
}

/** How much of a workload casbin was given. */
export interface CasbinShare {
  readonly policies: number;
  /** Queries timed, and queries left out because a policy that casbin cannot express decides them. */
  readonly queries: number;
  readonly leftOut: number;
}

export interface PolicyLoad {
  readonly figure: PolicyFigure;
  readonly policies: number;
  /** Parsing, strict validation, lowering. */
  readonly loadMs: number;
  readonly linkMs: number;
  /** Of the steps of `linkSteps`: the middle one, and the longest, which garbage collection decides. */
  readonly medianStepMs: number;
  readonly longestStepMs: number;
  /** Heap that the linked bundle holds beside the bundle; NaN without `--expose-gc`. */
  readonly linkedMb: number;
  /** Undefined where casbin is not measured. */
  readonly casbin: CasbinShare | undefined;
}

export interface PolicyResult {
  readonly rounds: readonly PolicyRound[];
  readonly loads: readonly PolicyLoad[];
}

export interface PolicyOptions {
  readonly rounds: number;
  /** Samples a round of the compiled engine; each is `QUERIES` queries. */
  readonly samples: number;
  /** Makes every sample of our own figures longer by so much: a gate that cannot fail gates nothing. */
  readonly plantMs: number;
  /** The other engines too: cedar-wasm takes longer than everything else together. */
  readonly withCedar: boolean;
  /** All of them where absent. */
  readonly figures?: readonly PolicyFigure[];
}

/** Queries a sample of the compiled engine. */
export const QUERIES = 500;
const QUERIES_OF_CEDAR = 20;
const QUERIES_OF_CASBIN = 100;
const SAMPLES_OF_OTHERS = 15;
/** Queries that the engines must agree on before anything is timed. */
const COMPARED = 300;

interface Workload {
  readonly figure: PolicyFigure;
  readonly count: number;
  readonly make: () => Bundle;
}

const WORKLOADS: readonly Workload[] = [
  ...([2, 10, 100, 1000] as const).map((count) => ({
    figure: `policies_${count}` as const,
    count,
    make: () => policiesOf(count),
  })),
  { figure: 'policies_10000', count: 10_000, make: () => policiesOf(10_000) },
  { figure: 'named_10000', count: 10_000, make: () => policiesOf(10_000, 'always') },
  { figure: 'unnamed_100', count: 100, make: () => policiesOf(100, 'never') },
  { figure: 'one_line_98', count: 96, make: oneLinePolicies },
];

const EVERY_CLASS = classSet(ACTION_CLASSES);
/** At 10,000 policies cedar-wasm takes 13 s to parse the slices of all classes, so it gets those of two. */
const MANY = 10_000;
const TWO_CLASSES = classSet(ACTION_CLASSES.slice(0, 2));

function isOfTwoClasses({ action }: PolicyQuery): boolean {
  return TWO_CLASSES[action.index] === 1;
}

/** The policies that can apply to two classes, for these alone; the answers for them are those of the bundle. */
function ofTwoClasses(bundle: Bundle): Bundle {
  const policies = bundle.policies.map((policy) => ({
    ...policy,
    classes: policy.classes.map((member, index) => member & (TWO_CLASSES[index] ?? 0)),
  }));
  return { ...bundle, policies: policies.filter(({ classes }) => classes.includes(1)) };
}

/** The same policies as one slice: what cedar-wasm costs without our slicing. */
function unsliced(bundle: Bundle): Bundle {
  return { ...bundle, policies: bundle.policies.map((policy) => ({ ...policy, classes: EVERY_CLASS })) };
}

const noReference: PolicyEngine = {
  name: 'none',
  evaluate() {
    throw new Error('a policy of the workload was declined');
  },
};

function heapMb(): number {
  globalThis.gc?.();
  return globalThis.gc === undefined ? Number.NaN : process.memoryUsage().heapUsed / 1e6;
}

function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** One verdict, now. */
function verdictOf(engine: PolicyEngine, query: PolicyQuery): PolicyVerdict {
  const verdict = engine.evaluate(query);
  if (verdict instanceof Promise) throw new Error(`${engine.name} answers later`);
  return verdict;
}

/** One pass over some queries. @returns how many were allowed, so that no answer can be left out */
function passOf(engine: PolicyEngine, queries: readonly PolicyQuery[]): () => number {
  return () => {
    let allowed = 0;
    for (const query of queries) {
      if (verdictOf(engine, query).allowed) allowed += 1;
    }
    return allowed;
  };
}

function assertSame(
  figure: PolicyFigure,
  engines: readonly PolicyEngine[],
  queries: readonly PolicyQuery[],
): void {
  const [first, ...others] = engines;
  for (const query of queries) {
    const expected = first?.evaluate(query);
    for (const other of others) {
      const verdict = other.evaluate(query);
      if (isDeepStrictEqual(verdict, expected)) continue;
      throw new Error(
        `${figure}: ${other.name} answers ${JSON.stringify(verdict)}, not ${JSON.stringify(expected)}`,
      );
    }
  }
}

interface Contest {
  readonly figure: PolicyFigure;
  readonly contestant: Contestant;
  readonly pass: () => number;
  readonly queries: number;
}

/** @returns microseconds a query */
async function measure(contest: Contest, { samples, plantMs }: PolicyOptions): Promise<number> {
  const { figure, contestant, pass, queries } = contest;
  const isOurs = contestant === 'compiled';
  const expected = pass();
  const iterations = isOurs ? samples : SAMPLES_OF_OTHERS;
  const bench = new Bench({
    iterations,
    time: 0,
    warmupIterations: Math.ceil(iterations / 2),
    warmupTime: 0,
    throws: true,
  });
  bench.add(figure, () => {
    const startedAt = performance.now();
    const allowed = pass();
    if (plantMs > 0 && isOurs) busyFor(plantMs);
    const overriddenDuration = performance.now() - startedAt;
    if (allowed !== expected) throw new Error(`${figure}: an answer changed`);
    return { overriddenDuration };
  });
  const [task] = await bench.run();
  const result = task?.result;
  if (result === undefined || !('latency' in result)) throw new Error(`figure ${figure} was not measured`);
  return (result.latency.p50 * 1000) / queries;
}

interface Prepared {
  readonly load: PolicyLoad;
  readonly contests: readonly Contest[];
  close(): void;
}

/** Queries of a workload that cedar-wasm is asked. */
function cedarQueries(count: number, wanted: number): readonly PolicyQuery[] {
  if (count < MANY) return queriesOf(count, wanted);
  const queries = queriesOf(count, wanted * ACTION_CLASSES.length).filter(isOfTwoClasses);
  return queries.slice(0, wanted);
}

type Linked = Pick<PolicyLoad, 'linkMs' | 'medianStepMs' | 'longestStepMs' | 'linkedMb'> & {
  readonly compiled: CompiledEngine;
};

function link(bundle: Bundle): Linked {
  const before = heapMb();
  const startedAt = performance.now();
  const compiled = new CompiledEngine(noReference, linkBundle(bundle));
  const linkMs = performance.now() - startedAt;
  const linkedMb = heapMb() - before;
  const stepsMs: number[] = [];
  const steps = linkSteps(bundle);
  for (let done = false; !done;) {
    const stepStart = performance.now();
    done = steps.next().done === true;
    stepsMs.push(performance.now() - stepStart);
  }
  stepsMs.sort((a, b) => a - b);
  const [medianStepMs = 0, longestStepMs = 0] = [stepsMs[stepsMs.length >> 1], stepsMs.at(-1)];
  return { compiled, linkMs, medianStepMs, longestStepMs, linkedMb };
}

/**
 * casbin must allow what the compiled engine allows with the same policies. Timed are the queries that the whole bundle
 * answers so too: what a policy decides that casbin cannot express is left out, and counted.
 *
 * @returns undefined where casbin can express no policy or answers no query, or is not installed
 */
async function prepareCasbin(
  { figure, count }: Workload,
  bundle: Bundle,
  whole: CompiledEngine,
): Promise<{ readonly contest: Contest; readonly share: CasbinShare } | undefined> {
  const expressed = ofCasbin(bundle);
  if (expressed.policies.length === 0) return undefined;
  const asked = queriesOf(count, QUERIES_OF_CASBIN);
  const compared = [...queriesOf(count, COMPARED), ...asked];
  const enforce = await startCasbin(expressed, compared);
  if (enforce === undefined) return undefined;
  const part = new CompiledEngine(noReference, linkBundle(expressed));
  for (const query of compared) {
    if (enforce(casbinRequest(query)) === verdictOf(part, query).allowed) continue;
    throw new Error(`${figure}: casbin and the compiled engine differ on ${JSON.stringify(query)}`);
  }
  const requests = asked
    .filter((query) => verdictOf(part, query).allowed === verdictOf(whole, query).allowed)
    .map(casbinRequest);
  const queries = requests.length;
  if (queries === 0) return undefined;
  const pass = (): number => requests.filter(enforce).length;
  return {
    contest: { figure, contestant: 'casbin', pass, queries },
    share: { policies: expressed.policies.length, queries, leftOut: asked.length - queries },
  };
}

async function prepare(workload: Workload, withCedar: boolean): Promise<Prepared> {
  const { figure, count, make } = workload;
  const startedAt = performance.now();
  const bundle = make();
  const loadMs = performance.now() - startedAt;
  const { compiled, ...linked } = link(bundle);
  const reference = new ReferenceEngine(count < MANY ? bundle : ofTwoClasses(bundle));
  assertSame(figure, [reference, compiled], cedarQueries(count, COMPARED));
  const contests: Contest[] = [
    { figure, contestant: 'compiled', pass: passOf(compiled, queriesOf(count, QUERIES)), queries: QUERIES },
  ];
  const cedar = withCedar && count < MANY ? new ReferenceEngine(unsliced(bundle)) : undefined;
  const queries = cedarQueries(count, QUERIES_OF_CEDAR);
  if (withCedar) {
    contests.push({
      figure,
      contestant: 'reference',
      pass: passOf(reference, queries),
      queries: queries.length,
    });
  }
  if (cedar !== undefined) {
    assertSame(figure, [reference, cedar], queries);
    contests.push({ figure, contestant: 'cedar', pass: passOf(cedar, queries), queries: queries.length });
  }
  const casbin = withCedar && count < MANY ? await prepareCasbin(workload, bundle, compiled) : undefined;
  if (casbin !== undefined) contests.push(casbin.contest);
  return {
    load: { figure, policies: bundle.policies.length, loadMs, ...linked, casbin: casbin?.share },
    contests,
    close() {
      reference.close();
      cedar?.close();
    },
  };
}

/** Measures every figure once a round, in turns. */
export async function measurePolicies(options: PolicyOptions): Promise<PolicyResult> {
  startCedar(cedarModule());
  // The first schema that cedar reads costs 100 ms.
  policiesOf(2);
  const prepared: Prepared[] = [];
  try {
    for (const workload of WORKLOADS) {
      if (options.figures?.includes(workload.figure) === false) continue;
      prepared.push(await prepare(workload, options.withCedar));
    }
    const rounds: PolicyRound[] = [];
    for (let round = 0; round < options.rounds; round++) {
      for (const { load, contests } of prepared) {
        const medianUs = new Map<Contestant, number>();
        for (const contest of contests) {
          medianUs.set(contest.contestant, await measure(contest, options));
        }
        rounds.push({ figure: load.figure, medianUs });
      }
    }
    return { rounds, loads: prepared.map(({ load }) => load) };
  } finally {
    for (const { close } of prepared) close();
  }
}
