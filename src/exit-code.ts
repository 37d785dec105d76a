import type { ErrorCode } from '@firma/core';

/** Exit codes (semantics §8). */
export const EXIT = {
  done: 0,
  /** A deny, an invalid log, a missed budget. */
  checkFailed: 1,
  /** Usage or configuration. */
  usage: 2,
  cannotStart: 3,
} as const;

const BY_CODE: Readonly<Record<ErrorCode, number>> = {
  CONFIG_INVALID: EXIT.usage,
  CONFIG_UNTRUSTED: EXIT.usage,
  MAPPING_INVALID: EXIT.usage,
  POLICY_INVALID: EXIT.usage,
  USAGE: EXIT.usage,
  ISSUANCE_DENIED: EXIT.checkFailed,
  LOG_INVALID: EXIT.checkFailed,
  NOT_CANONICAL: EXIT.checkFailed,
  START_FAILED: EXIT.cannotStart,
  STATE_UNUSABLE: EXIT.cannotStart,
};

/** Whether it is the code of a `FirmaError`. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(BY_CODE, code);
}

/** What a process that an error stopped exits with. By code alone: the core is not loaded for this. */
export function exitCodeOf(error: unknown): number {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return isErrorCode(code) ? BY_CODE[code] : EXIT.cannotStart;
}
