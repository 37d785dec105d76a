import { type ErrorCode, FirmaError } from '@firma/core';

/** An error on its way between two processes. */
export interface WireError {
  readonly code: string;
  readonly message: string;
}

const CODES: Readonly<Record<ErrorCode, true>> = {
  CONFIG_INVALID: true,
  CONFIG_UNTRUSTED: true,
  MAPPING_INVALID: true,
  POLICY_INVALID: true,
  ISSUANCE_DENIED: true,
  LOG_INVALID: true,
  NOT_CANONICAL: true,
  START_FAILED: true,
  STATE_UNUSABLE: true,
  USAGE: true,
};

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(CODES, code);
}

function isWireError(value: unknown): value is WireError {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string' &&
    'message' in value &&
    typeof value.message === 'string'
  );
}

/** What another process is told. Of an error that is no `FirmaError` nothing but that: its text may hold anything. */
export function toWireError(error: unknown): WireError {
  if (error instanceof FirmaError) return { code: error.code, message: error.message };
  return { code: 'INTERNAL', message: 'an unexpected error' };
}

/** The error another process told of. */
export function fromWireError(value: unknown, fallback: string): FirmaError {
  if (!isWireError(value)) return new FirmaError('START_FAILED', fallback);
  return new FirmaError(isCode(value.code) ? value.code : 'START_FAILED', value.message);
}
