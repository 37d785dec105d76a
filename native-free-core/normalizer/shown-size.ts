import type { Params, Reading } from './envelope.ts';

/**
 * The most bytes a call's readings may take in its record. A line of the log ends at 64 KiB; a quarter of it is left
 * to the rest of a record: who called, policies, budgets.
 */
export const MAX_SHOWN_SIZE = 48 * 1024;

/** The names of a recorded reading's members and what JSON puts around them, with some room. */
const READING_SYNTAX = 80;
const ENCODER = new TextEncoder();

/** Bytes of what the record of a call says about its readings: the first by itself, and all where there are more. */
export function shownSize(readings: readonly [Reading, ...Reading[]]): number {
  const first = readingSize(readings[0]);
  if (readings.length === 1) return first;
  let size = first;
  for (const reading of readings) size += readingSize(reading);
  return size;
}

function readingSize({ actionClass, params, resource, rule }: Reading): number {
  const named = actionClass.name.length + resource.method.length + resource.uid.length + jsonSize(rule);
  return READING_SYNTAX + named + paramsSize(params);
}

function paramsSize(params: Params): number {
  let size = 0;
  for (const name in params) {
    const value = params[name];
    // A number has at most sixteen digits; quotes, colon and comma are four.
    size += name.length + 4 + (typeof value === 'string' ? jsonSize(value) : 16);
  }
  return size;
}

/** Bytes of a string in a JSON line. */
function jsonSize(text: string): number {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) {
      return ENCODER.encode(JSON.stringify(text)).length;
    }
  }
  return text.length + 2;
}
