import { build, type Histogram } from 'hdr-histogram-js';

/** Some quantiles of a set of latencies, in milliseconds; all 0 where it is empty. */
export interface Quantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly mean: number;
}

const US_PER_MS = 1000;
/** An hour: nothing waits longer. */
const HIGHEST_US = 3600 * 1000 * US_PER_MS;

/** Latencies in a histogram with three significant digits (HDR), from a microsecond to an hour. */
export class Latencies {
  readonly #counts: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    autoResize: false,
    useWebAssembly: false,
  });

  get count(): number {
    return this.#counts.totalCount;
  }

  get maxMs(): number {
    return this.count === 0 ? 0 : this.#counts.maxValue / US_PER_MS;
  }

  record(ms: number): void {
    this.#counts.recordValue(Math.min(HIGHEST_US, Math.max(0, Math.round(ms * US_PER_MS))));
  }

  add(other: Latencies): void {
    if (other.count > 0) this.#counts.add(other.#counts);
  }

  clear(): void {
    this.#counts.reset();
  }

  /** The latency that a share of all, 0 to 1, does not exceed. */
  quantileMs(share: number): number {
    return this.count === 0 ? 0 : this.#counts.getValueAtPercentile(share * 100) / US_PER_MS;
  }

  quantiles(): Quantiles {
    return {
      p50: this.quantileMs(0.5),
      p90: this.quantileMs(0.9),
      p99: this.quantileMs(0.99),
      p999: this.quantileMs(0.999),
      max: this.maxMs,
      mean: this.count === 0 ? 0 : this.#counts.mean / US_PER_MS,
    };
  }
}
