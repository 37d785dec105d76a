import { canonicalize, MAX_LINE_BYTES, NotCanonical } from '@firma/core';
import type { AuditRecord } from '@firma/core';
import { decisionLine } from './decision-line.ts';

/** What the writer adds: the sequence number. */
const HEADROOM_BYTES = 64;
const MAX_RECORD_BYTES = MAX_LINE_BYTES - HEADROOM_BYTES;

function hasCanonicalForm(record: AuditRecord): boolean {
  try {
    canonicalize(record);
    return true;
  } catch (error) {
    if (error instanceof NotCanonical) return false;
    throw error;
  }
}

/**
 * One record as a line for the writer.
 *
 * @returns undefined where it has no canonical form (a lone surrogate) or is longer than a line of the log may be
 */
export function serialize(record: AuditRecord): string | undefined {
  const text = record.kind === 'decision' ? decisionLine(record) : JSON.stringify(record);
  // A lone surrogate is the only thing that is written as an escape in the surrogates' range; an escaped backslash
  // before `ud` looks the same here and is told apart by the slow way.
  if (text.includes('\\ud') && !hasCanonicalForm(record)) return undefined;
  if (3 * text.length > MAX_RECORD_BYTES && Buffer.byteLength(text) > MAX_RECORD_BYTES) return undefined;
  return `${text}\n`;
}
