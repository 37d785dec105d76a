import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contestant } from './contestant.ts';
import { type Busy, busyBetween, type CpuSample, sampleCpu } from './cpu.ts';

/** What one run of wrk says. Latencies are of a closed loop, in microseconds. */
export interface WrkReport {
  readonly requests: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Answers that are not 2xx. */
  readonly notOk: number;
  /** Connections that failed, requests without an answer in time. */
  readonly failed: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export interface WrkOptions {
  readonly connections: number;
  readonly seconds: number;
}

export interface WrkRun extends WrkReport {
  /** Of the server's process, without the first half second and the last tenth. */
  readonly busy: Busy;
  /** Of wrk in the same span. */
  readonly generator: Busy;
}

// One thread makes the requests: it shares two cores with the server. Bodies hold no line breaks.
const SCRIPT = `
local requests, at = {}, 0
function init(args)
  local headers = { ["Content-Type"] = "application/json" }
  for line in io.lines(args[1]) do requests[#requests + 1] = wrk.format("POST", nil, headers, line) end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency)
  local e = summary.errors
  print(string.format("RESULT %d %d %d %d %.1f %.1f", summary.requests, summary.duration, e.status,
    e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`;

/** The line that the script prints at the end. @throws Error where there is none */
export function parseWrk(output: string): WrkReport {
  const line = /^RESULT (\d+) (\d+) (\d+) (\d+) ([\d.]+) ([\d.]+)$/m.exec(output);
  if (line === null) throw new Error(`wrk said nothing that can be read: ${output.slice(0, 500)}`);
  const [requests = 0, us = 0, notOk = 0, failed = 0, p50Us = 0, p99Us = 0] = line.slice(1).map(Number);
  const seconds = us / 1e6;
  return { requests, seconds, perSecond: requests / seconds, notOk, failed, p50Us, p99Us };
}

export function hasWrk(): boolean {
  return spawnSync('wrk', ['-v']).error === undefined;
}

/** A request without an answer by then failed. */
const TIMEOUT_S = 5;
const UNKNOWN: Busy = { all: Number.NaN, busiest: Number.NaN, waited: Number.NaN };

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends requests for so many seconds, each connection the next as soon as it has its answer. */
export async function runWrk(contestant: Contestant, options: WrkOptions): Promise<WrkRun> {
  const { connections, seconds } = options;
  const dir = await mkdtemp(join(tmpdir(), 'firma-wrk-'));
  try {
    const script = join(dir, 'requests.lua');
    const bodies = join(dir, 'bodies');
    await writeFile(script, SCRIPT);
    await writeFile(bodies, `${contestant.bodies.join('\n')}\n`, { mode: 0o600 });
    const url = `http://${contestant.host}:${contestant.port}${contestant.path}`;
    const limits = [`-c${connections}`, `-d${seconds}s`, `--timeout=${TIMEOUT_S}s`];
    const child = spawn('wrk', ['-t1', ...limits, '-s', script, url, '--', bodies], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    const ended = new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve());
    });
    const sampled = (async () => {
      const sample = (): CpuSample[] => [contestant.pid, child.pid ?? 0].map(sampleCpu);
      await wait(500);
      const before = sample();
      await wait(seconds * 900 - 500);
      return sample().map((after, at) => busyBetween(before[at] ?? after, after));
    })();
    const [[busy = UNKNOWN, generator = UNKNOWN]] = await Promise.all([sampled, ended]);
    return { ...parseWrk(output), busy, generator };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
