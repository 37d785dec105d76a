import type { Reason } from '@firma/core';

/** Why a call that was allowed did not come through. A value: nothing here is exceptional. */
export interface Failure {
  readonly reason: Reason;
  /** For a person; no secret, no address of ours. */
  readonly detail: string;
}

export const GONE: Failure = { reason: 'OK', detail: 'the agent hung up' };

export const SILENT: Failure = {
  reason: 'UPSTREAM_TIMEOUT',
  detail: 'nothing came from the upstream for too long',
};

/** @param reason why the session was ended */
export function cutFor(reason: string): Failure {
  return {
    reason: 'SESSION_ABORTED',
    detail: `the session was ended while the call was under way (${reason})`,
  };
}

/** Body bytes for which a budget has no room; what came before them has passed. */
export const NO_ROOM: Failure = {
  reason: 'BUDGET_EXCEEDED',
  detail: 'the budget has no room for the bytes of this call',
};

/** Carries a failure through interfaces that only know errors (a socket's look-up callback). */
export class FailureError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.detail);
    this.failure = failure;
  }
}

const TIMED_OUT = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);

/** The `code` of a system, TLS or undici error. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What an error of a look-up, a connection or an exchange with an upstream means for the call. */
export function upstreamFailure(error: unknown, host: string): Failure {
  if (error instanceof FailureError) return error.failure;
  // One error an address where several were tried.
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const code = errorCode(error) ?? errorCode(cause) ?? 'unknown error';
  if (TIMED_OUT.has(code))
    return { reason: 'UPSTREAM_TIMEOUT', detail: `\`${host}\` did not answer in time` };
  return { reason: 'UPSTREAM_UNREACHABLE', detail: `the exchange with \`${host}\` failed (${code})` };
}
