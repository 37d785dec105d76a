import type { FailureKind } from './lane.ts';
import { Latencies } from './latencies.ts';
import type { HttpResponse } from './response.ts';
import type { LoadPercentile, LoadResult, LoadSecond } from './result.ts';
import type { ReadVerdict } from './verdict.ts';

/** The part of a result that is counted while a run goes on. */
export type Counted = Pick<
  LoadResult,
  | ('due' | 'sent' | 'answered' | 'unsent' | 'elapsedS' | 'ratePerSecond')
  | ('outcomes' | 'reasons' | 'errors' | 'refusedConnections')
  | ('latencyMs' | 'serviceMs' | 'percentiles' | 'perSecond')
>;

/** Most kinds of answers that are told apart: there are some forty reasons. */
const MAX_KINDS = 256;
const OTHER = 'other';
/** Steps of `percentiles` between 1 − 10^-n and the next nine. */
const STEPS = 10;

function countIn(counts: Map<string, number>, kind: string): void {
  const known = counts.has(kind) || counts.size < MAX_KINDS ? kind : OTHER;
  counts.set(known, (counts.get(known) ?? 0) + 1);
}

function sorted(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].sort((left, right) => right[1] - left[1]));
}

/** Counts what becomes of the requests of a run. Times are milliseconds from its start. */
export class Tally {
  readonly #readVerdict: ReadVerdict;
  readonly #latencies = new Latencies();
  readonly #services = new Latencies();
  /** Of the second that runs. */
  readonly #recent = new Latencies();
  readonly #lags = new Latencies();
  readonly #outcomes = new Map<string, number>();
  readonly #reasons = new Map<string, number>();
  readonly #errors = new Map<string, number>();
  readonly #seconds: LoadSecond[] = [];
  #due = 0;
  #sent = 0;
  #answered = 0;
  #unsent = 0;
  #failed = 0;
  #refused = 0;
  #lastMs = 0;
  #before = { sent: 0, answered: 0, unsent: 0, errors: 0 };

  constructor(readVerdict: ReadVerdict) {
    this.#readVerdict = readVerdict;
  }

  get lags(): Latencies {
    return this.#lags;
  }

  due(): void {
    this.#due++;
  }

  /** A request that a connection was free for left so late. */
  lag(ms: number): void {
    this.#lags.record(ms);
  }

  sent(): void {
    this.#sent++;
  }

  unsent(): void {
    this.#unsent++;
  }

  /** A connection could not be made. */
  refused(): void {
    this.#refused++;
  }

  /** @param latencyMs since it was due @param serviceMs since it was written */
  answered(atMs: number, latencyMs: number, serviceMs: number, response: HttpResponse): void {
    this.#lastMs = atMs;
    const verdict = this.#readVerdict(response);
    if ('error' in verdict) {
      this.#failed++;
      countIn(this.#errors, verdict.error);
      return;
    }
    this.#answered++;
    this.#record(latencyMs, serviceMs);
    countIn(this.#outcomes, verdict.outcome);
    countIn(this.#reasons, `${verdict.outcome} ${verdict.reason}`);
  }

  /** A request has no answer. One that was given up has waited so long at least, and is among the latencies. */
  failed(atMs: number, latencyMs: number, serviceMs: number, kind: FailureKind): void {
    this.#lastMs = atMs;
    this.#failed++;
    countIn(this.#errors, kind);
    if (kind === 'timeout') this.#record(latencyMs, serviceMs);
  }

  /** Ends a second of the run. @returns what it came to */
  endSecond(atMs: number): LoadSecond {
    const errors = this.#failed + this.#refused;
    const { sent, answered, unsent, errors: errorsBefore } = this.#before;
    const second: LoadSecond = {
      atS: atMs / 1000,
      sent: this.#sent - sent,
      answered: this.#answered - answered,
      unsent: this.#unsent - unsent,
      errors: errors - errorsBefore,
      p50: this.#recent.quantileMs(0.5),
      p99: this.#recent.quantileMs(0.99),
      max: this.#recent.maxMs,
    };
    this.#before = { sent: this.#sent, answered: this.#answered, unsent: this.#unsent, errors };
    this.#latencies.add(this.#recent);
    this.#recent.clear();
    this.#seconds.push(second);
    return second;
  }

  /** @returns what all came to; the last second is ended */
  result(): Counted {
    const elapsedS = this.#lastMs / 1000;
    return {
      due: this.#due,
      sent: this.#sent,
      answered: this.#answered,
      unsent: this.#unsent,
      elapsedS,
      ratePerSecond: elapsedS === 0 ? 0 : this.#answered / elapsedS,
      outcomes: sorted(this.#outcomes),
      reasons: sorted(this.#reasons),
      errors: sorted(this.#errors),
      refusedConnections: this.#refused,
      latencyMs: this.#latencies.quantiles(),
      serviceMs: this.#services.quantiles(),
      percentiles: this.#percentiles(),
      perSecond: this.#seconds,
    };
  }

  #record(latencyMs: number, serviceMs: number): void {
    this.#recent.record(latencyMs);
    this.#services.record(serviceMs);
  }

  #percentiles(): LoadPercentile[] {
    const points: LoadPercentile[] = [];
    const { count } = this.#latencies;
    for (let step = 0; 10 ** (step / STEPS) <= Math.max(1, count); step++) {
      const share = 1 - 10 ** (-step / STEPS);
      points.push({
        share,
        latencyMs: this.#latencies.quantileMs(share),
        serviceMs: this.#services.quantileMs(share),
      });
    }
    if (count > 0)
      points.push({ share: 1, latencyMs: this.#latencies.maxMs, serviceMs: this.#services.maxMs });
    return points;
  }
}
