/** What a load run came to. Latencies in milliseconds, from the call's start to its end. */
export interface LoadReport {
  readonly calls: number;
  readonly errors: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

export interface LoadOptions {
  /** Makes one call; rejects where it did not come out as it must. */
  readonly call: () => Promise<void>;
  readonly calls: number;
  /** Calls under way at once. */
  readonly concurrency: number;
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/**
 * Makes a number of calls, some at once, each worker the next as soon as its last one ended (a closed loop: it says
 * what the other side can do, not how it behaves at a given rate).
 */
export async function drive({ call, calls, concurrency }: LoadOptions): Promise<LoadReport> {
  const latencies = new Float64Array(calls);
  let next = 0;
  let errors = 0;
  const worker = async (): Promise<void> => {
    while (next < calls) {
      const index = next++;
      const startedAt = performance.now();
      await call().catch(() => errors++);
      latencies[index] = performance.now() - startedAt;
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: concurrency }, worker));
  const seconds = (performance.now() - startedAt) / 1000;
  latencies.sort();
  return {
    calls,
    errors,
    seconds,
    perSecond: calls / seconds,
    medianMs: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
}
