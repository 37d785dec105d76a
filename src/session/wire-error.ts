import { FirmaError } from '@firma/core';
import { isErrorCode } from '../exit-code.ts';

/** An error on its way between two processes. */
export interface WireError {
  readonly code: string;
  readonly message: string;
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
  return new FirmaError(isErrorCode(value.code) ? value.code : 'START_FAILED', value.message);
}
