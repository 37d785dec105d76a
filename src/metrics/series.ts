// What is counted, and where in a thread's region it stands. Memory is fixed: every label has a closed list of values,
// nothing is counted per agent, host or session.

import type { Outcome, Reason } from '@firma/core';
import { MAX_WORKERS } from '../config/config.ts';

const EVERY_OUTCOME: Readonly<Record<Outcome, true>> = { ALLOW: true, DENY: true, ABORT: true };

// The compiler says where one is missing.
const EVERY_REASON: Readonly<Record<Reason, true>> = {
  OK: true,
  PASS_THROUGH: true,
  UNCLASSIFIED_ACTION: true,
  MALFORMED_REQUEST: true,
  PARAMS_UNREADABLE: true,
  TOKEN_MISSING: true,
  REVOCATIONS_STALE: true,
  TOKEN_INVALID: true,
  TOKEN_NOT_YET_VALID: true,
  TOKEN_EXPIRED: true,
  SESSION_ABORTED: true,
  TOKEN_REVOKED: true,
  ACTION_NOT_GRANTED: true,
  RESOURCE_OUT_OF_SCOPE: true,
  BUNDLE_NOT_READY: true,
  BUNDLE_STALE: true,
  BUDGET_EXCEEDED: true,
  SESSION_LIMIT: true,
  POLICY_ABORT: true,
  POLICY_ERROR: true,
  POLICY_FORBID: true,
  POLICY_NO_PERMIT: true,
  OVERLOADED: true,
  AUDIT_UNAVAILABLE: true,
  INTERNAL: true,
  DESTINATION_FORBIDDEN: true,
  CREDENTIAL_UNAVAILABLE: true,
  PLACEHOLDER_MISUSED: true,
  UPSTREAM_UNREACHABLE: true,
  UPSTREAM_TIMEOUT: true,
};

function keysOf<K extends string>(record: Readonly<Record<K, true>>): readonly K[] {
  return Object.keys(record) as K[];
}

export const OUTCOMES = keysOf(EVERY_OUTCOME);
export const REASONS = keysOf(EVERY_REASON);

/** What a histogram is over: the stages of a decision, and a whole request of the decision API. */
export const TIMED = ['normalize', 'capability', 'policy', 'total', 'request'] as const;
export type Timed = (typeof TIMED)[number];

/** What else only grows. */
export const COUNTED = ['token_cache_hits', 'token_cache_misses', 'token_refusals', 'overloaded'] as const;
export type Counted = (typeof COUNTED)[number];

/** Upper bounds of the buckets, in microseconds; what is longer stands in one more. */
export const BOUNDS_US: readonly number[] = [
  1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000,
  7_500, 10_000, 20_000, 50_000, 100_000, 500_000,
];

const BUCKETS = BOUNDS_US.length + 1;

/** First place of each part of a region. The sum of a histogram stands behind its buckets. */
export const AT = {
  decisions: 0,
  histograms: OUTCOMES.length * REASONS.length,
  counters: OUTCOMES.length * REASONS.length + TIMED.length * (BUCKETS + 1),
} as const;

export const HISTOGRAM_PLACES = BUCKETS + 1;

/** Places of one thread's region, in whole cache lines: no thread writes where another one does. */
export const REGION_PLACES = Math.ceil((AT.counters + COUNTED.length) / 8) * 8 + 8;

/** Regions of a sidecar: the main thread's is 0, then those of its deciding threads, the last is the listener's. */
export const REGIONS = MAX_WORKERS + 2;
export const LISTENER_REGION = MAX_WORKERS + 1;
