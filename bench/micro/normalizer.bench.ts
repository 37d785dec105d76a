import { type CanonicalTarget, loadMappings, type Mappings, Normalizer, type RawRequest } from '@firma/core';
import { Bench } from 'tinybench';
import {
  publishedOperations,
  requestFor,
  requestsOfTen,
  rewritten,
  shippedTables,
  spread,
  tableOf,
} from '../workloads/requests.ts';
import { findMyWay, type FindRule, linearScan } from './routers.ts';

/**
 * - `canonical`, `rewritten`: `Normalizer.match` on the shipped tables, of a target that is canonical already and of
 *   one that is not.
 * - `trie`, `linear`, `find_my_way`: matching alone, the same canonical requests on the same rules. find-my-way gets
 *   the router of the host; the trie finds the host as well.
 * - `rules_10`, `rules_10000`: the trie, the same requests on tables of that many rules.
 */
export type NormalizerFigure =
  'canonical' | 'rewritten' | 'trie' | 'linear' | 'find_my_way' | 'rules_10' | 'rules_10000';

export interface NormalizerRound {
  /** Median over the samples, in microseconds a request; find-my-way's is absent where it is not installed. */
  readonly medianUs: ReadonlyMap<NormalizerFigure, number>;
  readonly loadMs: number;
}

export interface NormalizerResult {
  readonly rounds: readonly NormalizerRound[];
  /** Heap and typed arrays that the loaded tables hold; NaN without `--expose-gc`. */
  readonly loadedMb: number;
  readonly rules: number;
  /** Requests a sample. */
  readonly requests: number;
}

export interface NormalizerOptions {
  readonly rounds: number;
  /** Samples a round and figure; each is `REQUESTS` requests. */
  readonly samples: number;
  /** Makes every sample of our own figures longer by so much: a gate that cannot fail gates nothing. */
  readonly plantMs: number;
  /** The linear scan takes longer than everything else together. */
  readonly withLinear: boolean;
}

const REQUESTS = 1000;
const WARM_UP_SHARE = 0.5;

interface Contest {
  readonly figure: NormalizerFigure;
  /** One pass over all requests. @returns a sum of the answers, so that none can be left out */
  readonly pass: () => number;
}

function busyFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

function targetOf(normalizer: Normalizer, raw: RawRequest): CanonicalTarget | undefined {
  const matched = normalizer.match(raw);
  return 'refused' in matched || matched.others.length > 0 ? undefined : matched.target;
}

function assertSame(figure: NormalizerFigure, raw: RawRequest, found: number, expected: number): void {
  if (found === expected && found !== -1) return;
  throw new Error(`${figure}: ${raw.method} ${raw.hostPort}${raw.target} is rule ${found}, not ${expected}`);
}

/** Requests that have one reading, with what the trie is asked. */
function matchable(normalizer: Normalizer, raws: readonly RawRequest[]): readonly Asked[] {
  return raws.flatMap((raw) => {
    const target = targetOf(normalizer, raw);
    return target === undefined ? [] : [{ raw, target }];
  });
}

interface Asked {
  readonly raw: RawRequest;
  readonly target: CanonicalTarget;
}

function normalizerPass(normalizer: Normalizer, raws: readonly RawRequest[]): () => number {
  return () => {
    let sum = 0;
    for (const raw of raws) {
      const matched = normalizer.match(raw);
      if (!('refused' in matched)) sum += matched.first.resource.path.length;
    }
    return sum;
  };
}

function triePass({ trie }: Mappings, asked: readonly Asked[]): () => number {
  return () => {
    let sum = 0;
    for (const { raw, target } of asked) sum += trie.match(target, target.matchPath, raw.method);
    return sum;
  };
}

function linearPass(find: FindRule, asked: readonly Asked[]): () => number {
  return () => {
    let sum = 0;
    for (const { raw, target } of asked) sum += find(target, raw.method);
    return sum;
  };
}

function shippedContests(mappings: Mappings, withLinear: boolean): readonly Contest[] {
  const normalizer = new Normalizer(mappings);
  const operations = publishedOperations(shippedTables());
  const all = matchable(normalizer, operations.map(requestFor));
  const ruleOf = ({ raw, target }: Asked): number =>
    mappings.trie.match(target, target.matchPath, raw.method);
  const scan = linearScan(mappings);
  for (const asked of all) {
    assertSame('linear', asked.raw, scan(asked.target, asked.raw.method), ruleOf(asked));
  }
  const asked = spread(all, REQUESTS);
  const rewrittenRaws = asked.map(({ raw }, index) => rewritten(raw, index));
  for (const [index, raw] of rewrittenRaws.entries()) {
    const target = targetOf(normalizer, raw);
    const same = asked[index];
    if (target === undefined || same === undefined) throw new Error(`rewritten: ${raw.target} is refused`);
    assertSame('rewritten', raw, ruleOf({ raw, target }), ruleOf(same));
  }
  const routers = findMyWay(mappings);
  const found = ({ raw, target }: Asked): number =>
    routers?.get(target.host)?.find(raw.method, target.matchPath)?.store ?? -1;
  // What a rule answers that find-my-way cannot express is not asked of either.
  const both =
    routers === undefined
      ? asked
      : spread(
          all.filter((one) => found(one) === ruleOf(one)),
          REQUESTS,
        );
  if (both.length < REQUESTS) throw new Error('find-my-way expresses none of the tables');
  const contests: Contest[] = [
    {
      figure: 'canonical',
      pass: normalizerPass(
        normalizer,
        asked.map(({ raw }) => raw),
      ),
    },
    { figure: 'rewritten', pass: normalizerPass(normalizer, rewrittenRaws) },
    { figure: 'trie', pass: triePass(mappings, both) },
  ];
  if (withLinear) contests.push({ figure: 'linear', pass: linearPass(scan, both) });
  if (routers === undefined) return contests;
  const routed = both.flatMap(({ raw, target }) => {
    const router = routers.get(target.host);
    return router === undefined ? [] : [{ router, method: raw.method, path: target.matchPath }];
  });
  const pass = (): number => {
    let sum = 0;
    for (const { router, method, path } of routed) sum += router.find(method, path)?.store ?? -1;
    return sum;
  };
  return [...contests, { figure: 'find_my_way', pass }];
}

function sizeContest(figure: NormalizerFigure, count: number): Contest {
  const mappings = loadMappings([tableOf(count)]);
  const asked = matchable(new Normalizer(mappings), requestsOfTen(REQUESTS));
  const scan = linearScan(mappings);
  for (const { raw, target } of asked.slice(0, 20)) {
    const rule = mappings.trie.match(target, target.matchPath, raw.method);
    assertSame(figure, raw, scan(target, raw.method), rule);
  }
  if (asked.length !== REQUESTS) throw new Error(`${figure}: not every request has a rule`);
  return { figure, pass: triePass(mappings, asked) };
}

/** @returns microseconds a request */
async function measure({ figure, pass }: Contest, { samples, plantMs }: NormalizerOptions): Promise<number> {
  const isOurs = figure !== 'linear' && figure !== 'find_my_way';
  const expected = pass();
  const bench = new Bench({
    iterations: samples,
    time: 0,
    warmupIterations: Math.ceil(samples * WARM_UP_SHARE),
    warmupTime: 0,
    throws: true,
  });
  bench.add(figure, () => {
    const startedAt = performance.now();
    const sum = pass();
    if (plantMs > 0 && isOurs) busyFor(plantMs);
    const overriddenDuration = performance.now() - startedAt;
    if (sum !== expected) throw new Error(`${figure}: an answer changed`);
    return { overriddenDuration };
  });
  const [task] = await bench.run();
  const result = task?.result;
  if (result === undefined || !('latency' in result)) throw new Error(`figure ${figure} was not measured`);
  return (result.latency.p50 * 1000) / REQUESTS;
}

function memoryMb(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return globalThis.gc === undefined ? Number.NaN : (heapUsed + arrayBuffers) / 1e6;
}

/** Measures every figure once a round, in turns; the first call in a process loads the tables cold. */
export async function measureNormalizer(options: NormalizerOptions): Promise<NormalizerResult> {
  const tables = shippedTables();
  // What the first load brings with it besides tables, such as compiled code, is not theirs.
  loadMappings(tables);
  const before = memoryMb();
  const mappings = loadMappings(tables);
  const loadedMb = memoryMb() - before;
  const contests = [
    ...shippedContests(mappings, options.withLinear),
    sizeContest('rules_10', 10),
    sizeContest('rules_10000', 10_000),
  ];
  const rounds: NormalizerRound[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const medianUs = new Map<NormalizerFigure, number>();
    for (const contest of contests) medianUs.set(contest.figure, await measure(contest, options));
    const startedAt = performance.now();
    loadMappings(tables);
    if (options.plantMs > 0) busyFor(options.plantMs);
    rounds.push({ medianUs, loadMs: performance.now() - startedAt });
  }
  return { rounds, loadedMb, rules: mappings.rules.length, requests: REQUESTS };
}
