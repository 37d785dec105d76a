import type { Quantiles } from './latencies.ts';

export const LOAD_TARGETS = ['decide', 'proxy', 'ext_authz'] as const;

/** What is asked: the decision API, the forward proxy, or the endpoint for Envoy. */
export type LoadTarget = (typeof LOAD_TARGETS)[number];

/** One second of a run. Latencies are corrected ones, in milliseconds. */
export interface LoadSecond {
  /** Seconds from the start to its end; of the last, which may be shorter, too. */
  readonly atS: number;
  readonly sent: number;
  readonly answered: number;
  readonly unsent: number;
  readonly errors: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The latency that a share of all answers, 0 to 1, does not exceed. */
export interface LoadPercentile {
  readonly share: number;
  readonly latencyMs: number;
  readonly serviceMs: number;
}

/** A bound that was asked for, `p99` and the like, and what came. */
export interface LoadBudget {
  readonly quantile: string;
  readonly limitMs: number;
  readonly latencyMs: number;
  readonly ok: boolean;
}

/**
 * What a load run came to: what `firma load --json` prints. Later versions may add members.
 *
 * `latencyMs` counts from the time at which a request was due (corrected for coordinated omission), `serviceMs` from
 * the time at which it was written. Every request that was due is in exactly one of `answered`, `errors` and `unsent`;
 * of a run that was interrupted, those that were under way are in none.
 */
export interface LoadResult {
  readonly v: 1;
  readonly target: LoadTarget;
  /** The address that was connected to, or the path of a socket. */
  readonly address: string;
  readonly seed: number;
  readonly agents: number;
  readonly endpoints: number;
  readonly connections: number;
  /** What was asked for. */
  readonly rate: number;
  readonly durationS: number;
  /** The load before what was measured. */
  readonly warmupS: number;
  /** It was stopped before its end. */
  readonly interrupted: boolean;
  /** Mean length of the requests, head and body. */
  readonly requestBytes: number;
  /** Requests that the schedule made due. */
  readonly due: number;
  readonly sent: number;
  readonly answered: number;
  /** Due, but not sent: no connection was free, and the waiting line was full or the run over. */
  readonly unsent: number;
  /** From the start to the last answer. */
  readonly elapsedS: number;
  /** Answers a second, reached. */
  readonly ratePerSecond: number;
  /** Answers by outcome: `ALLOW`, `DENY`, `ABORT`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Answers by outcome and reason: `DENY ACTION_NOT_GRANTED`. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Requests without a usable answer, by kind: `timeout`, `reset`, `closed`, `malformed`, `status 503`. */
  readonly errors: Readonly<Record<string, number>>;
  /** Connections that could not be made. */
  readonly refusedConnections: number;
  readonly latencyMs: Quantiles;
  readonly serviceMs: Quantiles;
  /** By ever smaller steps towards 1. */
  readonly percentiles: readonly LoadPercentile[];
  readonly perSecond: readonly LoadSecond[];
  readonly generator: {
    /** How late requests left the schedule, which is the generator's own doing. */
    readonly lagMs: Quantiles;
    /** The share of its time, 0 to 1, in which the generator had work. */
    readonly busy: number;
  };
  readonly budgets: readonly LoadBudget[];
  /** What makes the figures less than they seem. */
  readonly warnings: readonly string[];
}

/** How many requests came to nothing. */
export function errorCount(result: Pick<LoadResult, 'errors' | 'refusedConnections'>): number {
  return Object.values(result.errors).reduce((sum, count) => sum + count, result.refusedConnections);
}
