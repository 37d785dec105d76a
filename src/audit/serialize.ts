import { canonicalize, MAX_LINE_BYTES, NotCanonical } from '@firma/core';
import type { AuditRecord, DecisionLine } from '@firma/core';

/** What the writer adds: the sequence number. */
const HEADROOM_BYTES = 64;
const MAX_RECORD_BYTES = MAX_LINE_BYTES - HEADROOM_BYTES;

/** @returns undefined for a lone surrogate */
function textOf(record: AuditRecord | DecisionLine): string | undefined {
  try {
    if ('line' in record) return record.line();
    const text = JSON.stringify(record);
    // A lone surrogate is the only thing that is written as an escape in the surrogates' range; an escaped backslash
    // before `ud` looks the same here and is told apart by the slow way.
    if (text.includes('\\ud')) canonicalize(JSON.parse(text));
    return text;
  } catch (error) {
    if (error instanceof NotCanonical) return undefined;
    throw error;
  }
}

/**
 * One record as a line for the writer.
 *
 * @returns undefined where it has no canonical form (a lone surrogate) or is longer than a line of the log may be
 */
export function serialize(record: AuditRecord | DecisionLine): string | undefined {
  const text = textOf(record);
  if (text === undefined) return undefined;
  if (3 * text.length > MAX_RECORD_BYTES && Buffer.byteLength(text) > MAX_RECORD_BYTES) return undefined;
  return `${text}\n`;
}
