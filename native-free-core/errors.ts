/**
 * Everything that stops a start or a command. A denial is never an error: it is a value (`decision/`).
 *
 * Nobody matches on a message; `code` is the contract. Messages are lower case, end without a period,
 * put input in backticks, and never quote a token, a header value or a secret.
 */

/** Where in a file an error stands. Lines and columns count from 1. */
export interface SourceLocation {
  readonly file: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

export type ErrorCode =
  | 'CONFIG_INVALID'
  | 'CONFIG_UNTRUSTED'
  | 'MAPPING_INVALID'
  | 'POLICY_INVALID'
  | 'ISSUANCE_DENIED'
  | 'LOG_INVALID'
  | 'NOT_CANONICAL'
  | 'START_FAILED'
  | 'STATE_UNUSABLE'
  | 'USAGE';

/** `file:line:column`, as far as known. */
export function formatLocation(at: SourceLocation): string {
  if (at.line === undefined) return at.file;
  return at.column === undefined ? `${at.file}:${at.line}` : `${at.file}:${at.line}:${at.column}`;
}

export class FirmaError extends Error {
  readonly code: ErrorCode;
  readonly at: SourceLocation | undefined;

  constructor(code: ErrorCode, message: string, at?: SourceLocation) {
    super(at === undefined ? message : `${formatLocation(at)}: ${message}`);
    this.name = 'FirmaError';
    this.code = code;
    this.at = at;
  }
}

/** A configuration file, a flag or an environment variable that cannot be used. Exit code 2. */
export class ConfigInvalid extends FirmaError {
  constructor(message: string, at?: SourceLocation) {
    super('CONFIG_INVALID', message, at);
  }
}

/** A configuration, or a file it names, whose digest is not the trusted one (`firma trust`). Exit code 2. */
export class ConfigUntrusted extends FirmaError {
  constructor(message: string, at?: SourceLocation) {
    super('CONFIG_UNTRUSTED', message, at);
  }
}

/** A mapping table that does not load. Exit code 2. */
export class MappingInvalid extends FirmaError {
  constructor(message: string, at?: SourceLocation) {
    super('MAPPING_INVALID', message, at);
  }
}

/** A policy bundle that does not parse or validate. Exit code 2. */
export class PolicyInvalid extends FirmaError {
  constructor(message: string, at?: SourceLocation) {
    super('POLICY_INVALID', message, at);
  }
}

/** The Authority refused to issue a token. Exit code 1. */
export class IssuanceDenied extends FirmaError {
  constructor(message: string) {
    super('ISSUANCE_DENIED', message);
  }
}

/** A log, a checkpoint or a proof that cannot be read at all (one that reads but fails is a result, not an error). */
export class LogInvalid extends FirmaError {
  constructor(message: string, at?: SourceLocation) {
    super('LOG_INVALID', message, at);
  }
}

/** A value that has no canonical JSON form: `undefined`, a non-finite number, a lone surrogate. */
export class NotCanonical extends FirmaError {
  constructor(message: string) {
    super('NOT_CANONICAL', message);
  }
}

/** A port in use, a child process that does not come up, an add-on that must load and does not. Exit code 3. */
export class StartFailed extends FirmaError {
  constructor(message: string, at?: SourceLocation) {
    super('START_FAILED', message, at);
  }
}

/** A state directory or key with a wrong mode, owner, format or content. Exit code 3. */
export class StateUnusable extends FirmaError {
  constructor(message: string, at?: SourceLocation) {
    super('STATE_UNUSABLE', message, at);
  }
}

/** Wrong words on a command line. Exit code 2. */
export class Usage extends FirmaError {
  constructor(message: string) {
    super('USAGE', message);
  }
}
