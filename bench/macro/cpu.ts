import { readdirSync, readFileSync } from 'node:fs';

/** What a process used up to an instant. */
export interface CpuSample {
  readonly atMs: number;
  /** By thread id: nanoseconds on a core, nanoseconds ready and without one. */
  readonly threads: ReadonlyMap<string, { readonly ranNs: number; readonly waitedNs: number }>;
}

/** What a process used of a span. Shares are of one core. */
export interface Busy {
  readonly all: number;
  /** The busiest thread. */
  readonly busiest: number;
  /** How long that thread was ready to run and another had its core. */
  readonly waited: number;
}

/** What `/proc/<pid>/task/<tid>/schedstat` holds: time on a core, time ready, slices. */
export function parseSchedstat(text: string): { readonly ranNs: number; readonly waitedNs: number } {
  const [ranNs = Number.NaN, waitedNs = Number.NaN] = text.trim().split(' ').map(Number);
  return { ranNs, waitedNs };
}

/** Linux only; elsewhere, and of a process that is gone, nothing is known. */
export function sampleCpu(pid: number): CpuSample {
  const threads = new Map<string, { ranNs: number; waitedNs: number }>();
  try {
    for (const id of readdirSync(`/proc/${pid}/task`)) {
      // A thread may end between the two reads; the rest is still worth having.
      try {
        threads.set(id, parseSchedstat(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8')));
      } catch {
        continue;
      }
    }
  } catch {
    // Shown as a share that is not known, which does not count.
  }
  return { atMs: performance.now(), threads };
}

/** What was used between two samples. NaN where nothing is known. */
export function busyBetween(before: CpuSample, after: CpuSample): Busy {
  const ns = (after.atMs - before.atMs) * 1e6;
  let all = 0;
  let busiest = Number.NaN;
  let waited = Number.NaN;
  for (const [id, { ranNs, waitedNs }] of after.threads) {
    const earlier = before.threads.get(id) ?? { ranNs: 0, waitedNs: 0 };
    const ran = (ranNs - earlier.ranNs) / ns;
    all += ran;
    if (ran < busiest) continue;
    busiest = ran;
    waited = (waitedNs - earlier.waitedNs) / ns;
  }
  return { all: after.threads.size === 0 ? Number.NaN : all, busiest, waited };
}

/** Below it a server was not the bottleneck, and what it did says nothing of what it can do. */
const BUSY_SHARE = 0.9;

/** Whether a server's core was busy enough for the figure to count. */
export function counts(busy: Busy, threads: 'one' | 'many'): boolean {
  return (threads === 'one' ? busy.busiest : busy.all) >= BUSY_SHARE;
}

/** Megabytes (2^20) of a process in memory; NaN where it is not known. */
export function residentMb(pid: number): number {
  try {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(line?.[1] ?? Number.NaN) / 1024;
  } catch {
    return Number.NaN;
  }
}
