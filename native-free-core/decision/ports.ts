import type { AuditRecord, DecisionLine } from '../audit/event.ts';

/**
 * Wall clock in Unix milliseconds, fractions allowed. The core never lets it run backwards.
 *
 * @param monotonicMs what `performance.now()` says, where the caller has just asked: to ask again costs as much as a
 *   decision's policies
 */
export type WallClock = (monotonicMs?: number) => number;

/** SHA-256 of a text's UTF-8, in lower-case hexadecimal: node:crypto in the host, another implementation elsewhere. */
export type Sha256Hex = (text: string) => string;

/** Cryptographically strong random bytes. */
export type RandomBytes = (count: number) => Uint8Array;

/**
 * Where records go. `append` answers at once: false means the pipeline is full or broken, and the call is denied. A decision
 * comes as a line that is yet to be written; everything else as its record.
 */
export interface AuditPort {
  append(record: AuditRecord | DecisionLine): boolean;
}
