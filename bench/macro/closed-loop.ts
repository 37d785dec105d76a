import { median, number, percent, table } from '../figures.ts';
import { startCerbos } from './cerbos.ts';
import { type Contestant, warmUp } from './contestant.ts';
import { counts } from './cpu.ts';
import { startEcho } from './echo.ts';
import { startBenchSidecar } from './sidecar.ts';
import { runWrk, type WrkRun } from './wrk.ts';

export interface LoopOptions {
  readonly rounds: number;
  /** Of one contestant in one round. */
  readonly seconds: number;
}

/** Requests under way at once, one a connection. */
export const CONNECTIONS = 64;

/** One contestant in one round. */
export interface Sample extends WrkRun {
  readonly counts: boolean;
}

/** One figure in each round of a contestant. */
export interface Figure {
  readonly value: number;
  readonly counts: boolean;
}

/**
 * One run of wrk.
 *
 * @throws Error where an answer was not what it has to be: refused, failed, or no ALLOW by the server's own count
 */
export async function sample(contestant: Contestant, connections: number, seconds: number): Promise<Sample> {
  const before = await contestant.counted?.();
  const run = await runWrk(contestant, { connections, seconds });
  const after = await contestant.counted?.();
  if (run.notOk + run.failed > 0) {
    throw new Error(`${contestant.name}: ${run.notOk} answers were not 2xx, ${run.failed} requests failed`);
  }
  // What was under way at the end of a run is decided too, and not counted by wrk.
  const decided = before === undefined || after === undefined ? run.requests : after - before;
  if (decided < run.requests || decided > run.requests + connections) {
    throw new Error(`${contestant.name}: ${run.requests} answers, but ${decided} calls allowed`);
  }
  return { ...run, counts: counts(run.busy, contestant.threads) };
}

/**
 * Samples of each contestant, in turn: A B C, A B C, … As many rounds as are asked for, and while fewer count for every
 * contestant, as many again.
 */
export async function alternate(
  contestants: readonly Contestant[],
  { rounds, seconds }: LoopOptions,
): Promise<readonly (readonly Sample[])[]> {
  const samples = contestants.map((): Sample[] => []);
  for (const contestant of contestants) {
    await warmUp(contestant);
    await sample(contestant, CONNECTIONS, Math.min(3, seconds));
  }
  let counted = 0;
  for (let round = 0; round < 2 * rounds && (round < rounds || counted < rounds); round++) {
    for (const [at, contestant] of contestants.entries()) {
      samples[at]?.push(await sample(contestant, CONNECTIONS, seconds));
    }
    if (samples.every((all) => all[round]?.counts === true)) counted += 1;
  }
  return samples;
}

/** Thousands of requests a second. */
export function throughputs(samples: readonly Sample[]): readonly Figure[] {
  return samples.map(({ counts, perSecond }) => ({ value: perSecond / 1000, counts }));
}

/** Of each round: this contestant's throughput over the other's. */
export function ratios(own: readonly Sample[], other: readonly Sample[]): readonly Figure[] {
  return own.map(({ counts, perSecond }, round) => {
    const beside = other[round];
    const value = perSecond / (beside?.perSecond ?? Number.NaN);
    return { value, counts: counts && beside?.counts === true };
  });
}

/** The median of the rounds that count, of all where none does; and every round, with a star where it does not. */
export function quoted(figures: readonly Figure[], digits: number, unit = ''): string {
  const counting = figures.filter((figure) => figure.counts);
  const middle = median((counting.length === 0 ? figures : counting).map(({ value }) => value));
  const all = figures
    .toSorted((left, right) => left.value - right.value)
    .map(({ value, counts }) => number(value, digits) + (counts ? '' : '\\*'));
  return `${number(middle, digits)}${unit} (${all.join(' ')})`;
}

export function quotedPercent(figures: readonly Figure[]): string {
  return quoted(
    figures.map(({ value, counts }) => ({ value: value * 100, counts })),
    0,
    ' %',
  );
}

/** How busy server and wrk were: the columns that every table of throughput ends with. */
export function busyCells(samples: readonly Sample[]): readonly string[] {
  const shares = (of: (one: Sample) => number): string => percent(median(samples.map(of)));
  const counted = samples.filter((one) => one.counts).length;
  return [
    `${shares(({ busy }) => busy.busiest)}, ready ${shares(({ busy }) => busy.waited)}`,
    shares(({ busy }) => busy.all),
    shares(({ generator }) => generator.all),
    counted === 0 ? '**none**' : `${counted} of ${samples.length}`,
  ];
}

export const BUSY_HEADS = [
  'busiest thread, and ready without a core',
  'server, all threads',
  'wrk',
  'rounds that count',
] as const;

/** Throughput of the decision API beside its yardsticks. */
export async function measureClosedLoop(options: LoopOptions): Promise<readonly string[]> {
  const open: Contestant[] = [];
  const opened = <T extends Contestant | undefined>(contestant: T): T => {
    if (contestant !== undefined) open.push(contestant);
    return contestant;
  };
  try {
    const recorded = opened(await startBenchSidecar({ policies: 10 }));
    const unrecorded = opened(await startBenchSidecar({ policies: 10, recorded: false }));
    const thousand = opened(await startBenchSidecar({ policies: 1000 }));
    const echo = opened(await startEcho(recorded.bodies));
    const cerbos = opened(await startCerbos(10));
    if (echo === undefined) return ['Skipped: uWebSockets.js does not load here, so there is no yardstick.'];
    const contestants = [echo, recorded, unrecorded, thousand, ...(cerbos === undefined ? [] : [cerbos])];
    const samples = await alternate(contestants, options);
    const of = (contestant: Contestant): readonly Sample[] => samples[contestants.indexOf(contestant)] ?? [];
    const rows = contestants.map((contestant) => [
      contestant.name,
      quoted(throughputs(of(contestant)), 1),
      quotedPercent(ratios(of(contestant), of(echo))),
      ...busyCells(of(contestant)),
    ]);
    const share = (own: Contestant, other: Contestant): string => quotedPercent(ratios(of(own), of(other)));
    const overCerbos =
      cerbos === undefined
        ? 'not installed: `npm ci --prefix bench/peers`'
        : quoted(ratios(of(recorded), of(cerbos)), 1, ' times');
    return [
      `Closed loop, wrk with one thread and ${CONNECTIONS} connections, rounds of ${options.seconds} s each, alternating; medians, and every round.`,
      '',
      ...table(['server', '1,000 requests/s', 'of the raw echo', ...BUSY_HEADS], rows),
      '',
      ...table(
        ['ratio', 'median (each round)', 'asked for'],
        [
          ['firma over the raw echo', share(recorded, echo), '≥ 40 %, aim 60 %'],
          ['firma, audit off, over the raw echo', share(unrecorded, echo), '≥ 65 %, aim 80 %'],
          ['firma over Cerbos', overCerbos, '≥ 8 times, aim 15'],
          ['1,000 policies over 10', share(thousand, recorded), '≥ 90 %'],
        ],
      ),
    ];
  } finally {
    for (const contestant of open) await contestant.close();
  }
}
