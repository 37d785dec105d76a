import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { RunLoadResult } from '../../src/load/run-load.ts';
import { each, median, number, percent, table } from '../figures.ts';
import { alternate, CONNECTIONS } from './closed-loop.ts';
import type { Contestant } from './contestant.ts';
import { startEcho } from './echo.ts';
import { startBenchSidecar } from './sidecar.ts';
import { type Buckets, quantileOf, scrape } from './scrape.ts';
import { runWrk } from './wrk.ts';

/** What the generator's process is told. */
export interface OpenLoopTask extends Pick<Contestant, 'host' | 'port' | 'path' | 'bodies'> {
  readonly echo: boolean;
  readonly perSecond: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface OpenLoopOptions {
  readonly rounds: number;
  readonly seconds: number;
}

/** Asks at a constant rate, whatever becomes of it; from a process of its own. */
export function runOpenLoop(task: OpenLoopTask): Promise<RunLoadResult> {
  const { bodies, connections, echo, host, path, perSecond, port, seconds } = task;
  const file = fileURLToPath(new URL('open-loop-process.js', import.meta.url));
  const child = fork(file, { stdio: ['ignore', 2, 2, 'ipc'] });
  return new Promise((resolve, reject) => {
    child.once('message', (result: RunLoadResult) => resolve(result));
    child.once('exit', (code) => reject(new Error(`the load generator ended with ${code ?? 'a signal'}`)));
    const plain: OpenLoopTask = { bodies, connections, echo, host, path, perSecond, port, seconds };
    child.send(plain);
  });
}

const failedOf = ({ errors, refusedConnections, unsent }: RunLoadResult): number =>
  Object.values(errors).reduce((sum, count) => sum + count, refusedConnections + unsent);

interface Inside {
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** The decision API and the raw echo at the same rate, half of what the API can do; and at one connection. */
export async function measureOpenLoop({ rounds, seconds }: OpenLoopOptions): Promise<readonly string[]> {
  const firma = await startBenchSidecar({ policies: 10 });
  let echo: Contestant | undefined;
  try {
    echo = await startEcho(firma.bodies);
    if (echo === undefined) return ['Skipped: uWebSockets.js does not load here, so there is no yardstick.'];
    const saturated = await alternate([firma, echo], { rounds: 3, seconds: Math.min(5, seconds) });
    const saturation = median((saturated[0] ?? []).map((one) => one.perSecond));
    const perSecond = Math.round(saturation / 2);
    const rows: (readonly string[])[] = [];
    const inside: Inside[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const contestant of [echo, firma]) {
        const look = (): Promise<Buckets | undefined> =>
          contestant === firma ? scrape(firma, 'firma_request_seconds') : Promise.resolve(undefined);
        const before = await look();
        const task = {
          ...contestant,
          echo: contestant === echo,
          perSecond,
          seconds,
          connections: CONNECTIONS,
        };
        const result = await runOpenLoop(task);
        const after = await look();
        if (before !== undefined && after !== undefined) {
          const ms = (share: number): number => quantileOf(before, after, share) * 1000;
          inside.push({ p99Ms: ms(0.99), p999Ms: ms(0.999) });
        }
        rows.push([
          contestant.name,
          number(result.ratePerSecond),
          ...[result.latencyMs.p50, result.latencyMs.p99, result.latencyMs.p999].map((ms) => number(ms, 2)),
          String(failedOf(result) + result.answered - (result.outcomes['ALLOW'] ?? 0)),
          `${percent(result.generator.busy)}; ${number(result.generator.lagMs.p99, 2)}`,
        ]);
      }
    }
    const one = await singleConnection([echo, firma], rounds);
    return [
      `Open loop at half of saturation: ${number(perSecond)} of ${number(saturation)} requests/s for ${seconds} s, ${CONNECTIONS} connections; latency from when a request was due, ms.`,
      '',
      ...table(
        [
          'server',
          'answers/s',
          'p50',
          'p99',
          'p99.9',
          'refused, failed or unsent (asked for: 0)',
          'generator busy; its own lag p99, ms',
        ],
        rows,
      ),
      '',
      inside.length === 0
        ? 'Inside the server: not measured, `/metrics` has no `firma_request_seconds`.'
        : `Inside the server, first byte to answer, upper bounds of the histogram, each round: p99 ≤ ${each(
            inside.map(({ p99Ms }) => p99Ms),
            2,
          )} ms (asked for: 1), p99.9 ≤ ${each(
            inside.map(({ p999Ms }) => p999Ms),
            2,
          )} ms (asked for: 5).`,
      '',
      ...table(['one connection, closed loop', 'p50, µs', 'each round', 'asked for'], one),
    ];
  } finally {
    await echo?.close();
    await firma.close();
  }
}

async function singleConnection(
  contestants: readonly Contestant[],
  rounds: number,
): Promise<readonly (readonly string[])[]> {
  const all = contestants.map((): number[] => []);
  for (let round = 0; round < Math.max(3, rounds); round++) {
    for (const [at, contestant] of contestants.entries()) {
      all[at]?.push((await runWrk(contestant, { connections: 1, seconds: 3 })).p50Us);
    }
  }
  return contestants.map(({ name, counted }, at) => {
    const p50s = all[at] ?? [];
    return [name, number(median(p50s)), each(p50s), counted === undefined ? '' : '≤ 150'];
  });
}
