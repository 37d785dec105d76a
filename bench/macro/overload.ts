import { median, number, percent, table } from '../figures.ts';
import { CONNECTIONS, sample } from './closed-loop.ts';
import { type Contestant, post, warmUp } from './contestant.ts';
import { residentMb } from './cpu.ts';
import { runOpenLoop } from './open-loop.ts';
import { type BenchSidecar, type SidecarCounters, startBenchSidecar } from './sidecar.ts';
import { runWrk } from './wrk.ts';

// Of the 512 that an ingress takes, some are left for the probe.
const MANY_CONNECTIONS = 480;
const LOOK_EVERY_MS = 100;
const RECOVERY_LIMIT_MS = 5_000;
/** So many answers in a row that are as before mean that it is over. */
const NORMAL_ANSWERS = 20;

interface Probe {
  readonly ms: number;
  readonly isRight: boolean;
}

/** One call of a client that asks now and then, on a connection of its own. */
async function probe(contestant: Contestant): Promise<Probe> {
  const [body = ''] = contestant.bodies;
  const began = performance.now();
  const isRight = await post(contestant, body).then(
    (reply) => contestant.isRight(reply.status, reply.body),
    () => false,
  );
  return { ms: performance.now() - began, isRight };
}

/** What the sidecar did between two looks at its counters, by reason. */
function between(before: SidecarCounters, after: SidecarCounters): ReadonlyMap<string, number> {
  const counts = Object.entries(after.reasons).map(
    ([reason, count]) => [reason, count - (before.reasons[reason] ?? 0)] as const,
  );
  return new Map(counts.filter(([, count]) => count > 0));
}

interface Overload {
  readonly name: string;
  /** Answers a second of any kind, and those that were not 2xx or never came. */
  readonly answersPerSecond: number;
  readonly notOk: string;
  readonly reasons: ReadonlyMap<string, number>;
  readonly seconds: number;
  readonly largestMb: number;
  /** From the end of the load to the first of many normal answers; NaN where none came. */
  readonly normalAfterMs: number;
}

/** The time from now to the first of `NORMAL_ANSWERS` in a row that are right and not slower than `slowMs`. */
async function timeToNormal(contestant: Contestant, slowMs: number): Promise<number> {
  const began = performance.now();
  let since = Number.NaN;
  let inRow = 0;
  while (inRow < NORMAL_ANSWERS) {
    const asked = performance.now();
    if (asked - began > RECOVERY_LIMIT_MS) return Number.NaN;
    const { isRight, ms } = await probe(contestant);
    if (!isRight || ms > slowMs) inRow = 0;
    else if (inRow++ === 0) since = asked - began;
  }
  return since;
}

/** Runs a load and watches the sidecar meanwhile. */
async function under(
  sidecar: BenchSidecar,
  name: string,
  slowMs: number,
  load: () => Promise<{ readonly seconds: number; readonly answers: number; readonly notOk: string }>,
): Promise<Overload> {
  const before = await sidecar.counters();
  let largestMb = residentMb(sidecar.pid);
  const watch = setInterval(() => {
    largestMb = Math.max(largestMb, residentMb(sidecar.pid));
  }, LOOK_EVERY_MS);
  const { seconds, answers, notOk } = await load();
  const normalAfterMs = await timeToNormal(sidecar, slowMs);
  clearInterval(watch);
  const reasons = between(before, await sidecar.counters());
  return { name, answersPerSecond: answers / seconds, notOk, reasons, seconds, largestMb, normalAfterMs };
}

/** The decision API beyond what it can do. */
export async function measureOverload({ seconds }: { readonly seconds: number }): Promise<readonly string[]> {
  const sidecar = await startBenchSidecar({ policies: 10 });
  try {
    await warmUp(sidecar);
    await sample(sidecar, CONNECTIONS, seconds);
    const peak = (await sample(sidecar, CONNECTIONS, seconds)).perSecond;
    const beforeMb = residentMb(sidecar.pid);
    const probes: Probe[] = [];
    for (let count = 0; count < 100; count++) probes.push(await probe(sidecar));
    const slowMs = Math.max(20, 5 * median(probes.map(({ ms }) => ms)));
    const runs = [
      await under(sidecar, `${MANY_CONNECTIONS} connections, closed loop`, slowMs, async () => {
        const run = await runWrk(sidecar, { connections: MANY_CONNECTIONS, seconds });
        return {
          seconds: run.seconds,
          answers: run.requests,
          notOk: `${run.notOk} not 2xx, ${run.failed} failed`,
        };
      }),
      await under(sidecar, 'open loop, twice the peak', slowMs, async () => {
        const perSecond = Math.round(2 * peak);
        const run = await runOpenLoop({
          ...sidecar,
          echo: false,
          perSecond,
          seconds,
          connections: MANY_CONNECTIONS,
        });
        const errors = Object.entries(run.errors).map(([kind, count]) => `${count} ${kind}`);
        return {
          seconds: run.elapsedS,
          answers: run.answered,
          notOk: [...errors, `${run.unsent} unsent, generator ${percent(run.generator.busy)} busy`].join(
            ', ',
          ),
        };
      }),
    ];
    const rows = runs.map((run) => {
      const allowed = (run.reasons.get('OK') ?? 0) / run.seconds;
      return [
        run.name,
        number(run.answersPerSecond),
        `${number(allowed)}, ${percent(allowed / peak)} of the peak`,
        run.notOk,
        [...run.reasons].map(([reason, count]) => `${reason} ${number(count)}`).join(', '),
        `${number(beforeMb)}, ${number(run.largestMb)}`,
        Number.isNaN(run.normalAfterMs)
          ? `not within ${RECOVERY_LIMIT_MS / 1000} s`
          : `${number(run.normalAfterMs)} ms`,
      ];
    });
    return [
      `Peak with ${CONNECTIONS} connections: ${number(peak)} decisions/s. Asked for: at least 80 % of it allowed, the rest refused as \`OVERLOADED\`, memory bounded, normal within 1,000 ms (${NORMAL_ANSWERS} right answers in a row within ${number(slowMs)} ms each).`,
      '',
      ...table(
        [
          'load',
          'answers/s',
          'allowed/s',
          'as the client saw it',
          'as the sidecar counted',
          'sidecar before and at most, MB',
          'normal after',
        ],
        rows,
      ),
    ];
  } finally {
    await sidecar.close();
  }
}
