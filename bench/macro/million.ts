// A million decisions of one sidecar: is its memory flat, and is each of them in its log, in order, in one that verifies?
// `node dist/bench/macro/million.js`; `--decisions 10000000 --audit 'retention = "256MB"'` by hand. Exits 1 where not.

import { execFileSync } from 'node:child_process';
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { entryPoint } from '../../src/entry-point.ts';
import { median, number } from '../figures.ts';
import { CONNECTIONS } from './closed-loop.ts';
import { warmUp } from './contestant.ts';
import { residentMb } from './cpu.ts';
import { startBenchSidecar } from './sidecar.ts';
import { hasWrk, runWrk } from './wrk.ts';

const CHUNK_SECONDS = 5;
/** Much below what anything here can do: a sidecar that hangs ends the bench. */
const LEAST_PER_SECOND = 500;
const FLAT = 0.1;

const { values } = parseArgs({
  options: { decisions: { type: 'string', default: '1000000' }, audit: { type: 'string', default: '' } },
});

/** Numbers of the events files of a log, which are the ordinals of their first records. */
function eventFiles(runDir: string): readonly { readonly path: string; readonly first: number }[] {
  return readdirSync(runDir)
    .flatMap((name) => {
      const first = /^events-(\d+)\.jsonl$/.exec(name)?.[1];
      return first === undefined ? [] : [{ path: join(runDir, name), first: Number(first) }];
    })
    .sort((left, right) => left.first - right.first);
}

interface Logged {
  readonly decisions: number;
  /** Records that do not follow the one before. */
  readonly outOfOrder: number;
  /** The number of the first record that is still there. */
  readonly first: number;
}

async function readDecisions(runDir: string): Promise<Logged> {
  const files = eventFiles(runDir);
  const first = files[0]?.first ?? 0;
  let [decisions, outOfOrder, next] = [0, 0, first];
  for (const { path } of files) {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      const record: { readonly seq?: unknown; readonly kind?: unknown } = JSON.parse(line);
      if (record.seq !== next) outOfOrder += 1;
      next = Number(record.seq) + 1;
      if (record.kind === 'decision') decisions += 1;
    }
  }
  return { decisions, outOfOrder, first };
}

function verified(stateDir: string): boolean {
  try {
    const args = [entryPoint('cli/main.js'), 'audit', 'verify', '--state-dir', stateDir];
    process.stdout.write(execFileSync(process.execPath, args, { encoding: 'utf8' }));
    return true;
  } catch {
    return false;
  }
}

/** What processes hold after so many decisions. */
interface Sample {
  readonly decisions: number;
  readonly mb: readonly number[];
}

/** What one process holds in the last fifth over the second one, by their medians, less 1: one look says little of a heap. */
function growth(samples: readonly Sample[], at: number, all: number): number {
  const between = (from: number, to: number): number =>
    median(
      samples
        .filter(({ decisions }) => decisions > all * from && decisions <= all * to)
        .map(({ mb }) => mb[at] ?? 0),
    );
  return between(0.8, 1) / between(0.2, 0.4) - 1;
}

async function main(): Promise<boolean> {
  if (!hasWrk()) {
    process.stdout.write('skipped: `wrk` is not installed\n');
    return true;
  }
  const wanted = Number(values.decisions);
  const sidecar = await startBenchSidecar({ policies: 10, audit: values.audit });
  try {
    await warmUp(sidecar);
    const pids = await sidecar.processes();
    const began = performance.now();
    const limitMs = (wanted / LEAST_PER_SECOND) * 1000;
    const samples: Sample[] = [];
    let { decisions } = await sidecar.counters();
    while (decisions < wanted) {
      if (performance.now() - began > limitMs) throw new Error(`only ${decisions} decisions in time`);
      const { failed, notOk } = await runWrk(sidecar, { connections: CONNECTIONS, seconds: CHUNK_SECONDS });
      if (failed + notOk > 0) throw new Error(`${notOk} answers were not 2xx, ${failed} requests failed`);
      ({ decisions } = await sidecar.counters());
      const now = pids.map(residentMb);
      samples.push({ decisions, mb: now });
      process.stdout.write(
        `after ${number(decisions)} decisions: ${now.map((mb) => number(mb)).join(' + ')} MB (sidecar + writer)\n`,
      );
    }
    const { outcomes } = await sidecar.counters();
    const seconds = (performance.now() - began) / 1000;
    const grown = pids.map((_, at) => growth(samples, at, decisions));
    await sidecar.stop();
    const isVerified = verified(sidecar.stateDir);
    const log = await readDecisions(sidecar.runDir);
    // What retention removed is not there to be counted.
    const isComplete = log.outOfOrder === 0 && (log.first > 0 || log.decisions === decisions);
    const isFlat = grown.every((share) => share <= FLAT);
    process.stdout.write(
      `${isFlat ? 'ok    ' : 'MISSED'} memory, the last fifth over the second: ${grown.map((share) => `${(share * 100).toFixed(1)} %`).join(', ')}; ${number(decisions / seconds)} decisions/s\n` +
        `${isComplete ? 'ok    ' : 'MISSED'} ${number(decisions)} decisions (${number(outcomes['ALLOW'] ?? 0)} ALLOW), ${number(log.decisions)} in the log from record ${number(log.first)}, ${log.outOfOrder} out of order\n` +
        `${isVerified ? 'ok    ' : 'MISSED'} the log verifies\n`,
    );
    return isFlat && isComplete && isVerified;
  } finally {
    await sidecar.close();
  }
}

process.exitCode = (await main()) ? 0 : 1;
