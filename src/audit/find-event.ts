import { fstatSync, readSync } from 'node:fs';

// Records stand nearly in the order of their ids' times, so one is found by halving the file. "Nearly": threads take their
// ids a little before they append, and each has a clock of its own.

const NEWLINE = 0x0a;
/** Holds the beginning of a record mostly. */
const PROBE_BYTES = 4 * 1024;
/** More than two lines of the largest size. */
const BLOCK_BYTES = 192 * 1024;
const PIECE_BYTES = 256 * 1024;

interface Span {
  /** Records may stand so far from where their time says. */
  readonly skewMs: number;
  /** No more is looked through. */
  readonly maxBytes: number;
}

/** What nearly always does, and what a call needs that waited long for its decision. */
const SPANS: readonly Span[] = [
  { skewMs: 5, maxBytes: 4 * 1024 * 1024 },
  { skewMs: 50, maxBytes: 16 * 1024 * 1024 },
  { skewMs: 1_000, maxBytes: 128 * 1024 * 1024 },
];

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const ID_MARK = Buffer.from('"event_id":"');
const UUID_CHARS = 36;

/** The time in a UUIDv7, in Unix milliseconds (RFC 9562 §5.7); undefined where the text is none. */
export function uuidTimeMs(text: string): number | undefined {
  if (text.length !== UUID_CHARS || !UUID_V7.test(text)) return undefined;
  return Number.parseInt(text.slice(0, 8) + text.slice(9, 13), 16);
}

/** The time of the first record in `block` from `at` on whose id can be read. */
function firstTimeMs(block: Buffer, at: number): number | undefined {
  for (let mark = block.indexOf(ID_MARK, at); mark !== -1; mark = block.indexOf(ID_MARK, mark + 1)) {
    const start = mark + ID_MARK.length;
    const timeMs = uuidTimeMs(block.toString('latin1', start, start + UUID_CHARS));
    if (timeMs !== undefined) return timeMs;
  }
  return undefined;
}

function idOf(line: string): unknown {
  try {
    const record: unknown = JSON.parse(line);
    return typeof record === 'object' && record !== null && 'event_id' in record
      ? record.event_id
      : undefined;
  } catch {
    return undefined;
  }
}

/** Looks records up in one event file. */
export class EventFinder {
  readonly #fd: number;
  readonly #block = Buffer.allocUnsafe(BLOCK_BYTES);

  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * The line of a record.
   *
   * @param runStart where the last run begins: clocks may have been set back before it, so it is looked at by itself
   * @returns undefined where there is no such record, or its id is no UUIDv7
   * Cost: some thirty reads and, for a record that is there, the lines around it; at most 300 MB for one that is not.
   */
  find(eventId: string, runStart: number): string | undefined {
    const timeMs = uuidTimeMs(eventId);
    if (timeMs === undefined) return undefined;
    const { size } = fstatSync(this.#fd);
    for (const span of SPANS) {
      const line =
        this.#search(eventId, timeMs, runStart, size, span) ??
        this.#search(eventId, timeMs, 0, Math.min(runStart, size), span);
      if (line !== undefined) return line;
    }
    return undefined;
  }

  #search(eventId: string, timeMs: number, from: number, to: number, span: Span): string | undefined {
    let start = from;
    for (let end = to; end - start > BLOCK_BYTES;) {
      const middle = start + Math.floor((end - start) / 2);
      const found = this.#timeFrom(middle);
      if (found !== undefined && found < timeMs - span.skewMs) start = middle;
      else end = middle;
    }
    return this.#scan(eventId, timeMs + span.skewMs, start, Math.min(to, start + span.maxBytes));
  }

  /** Of the first record after an offset. */
  #timeFrom(offset: number): number | undefined {
    return this.#timeWithin(offset, PROBE_BYTES) ?? this.#timeWithin(offset, BLOCK_BYTES);
  }

  #timeWithin(offset: number, most: number): number | undefined {
    const bytes = readSync(this.#fd, this.#block, 0, most, offset);
    const block = this.#block.subarray(0, bytes);
    const newline = block.indexOf(NEWLINE);
    return newline === -1 ? undefined : firstTimeMs(block, newline + 1);
  }

  #scan(eventId: string, untilMs: number, from: number, to: number): string | undefined {
    const wanted = Buffer.concat([ID_MARK, Buffer.from(`${eventId}"`)]);
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, to - from));
    for (let at = from; at < to;) {
      const bytes = readSync(this.#fd, piece, 0, Math.min(piece.length, to - at), at);
      const end = piece.subarray(0, bytes).lastIndexOf(NEWLINE) + 1;
      // No whole line: what is left is still being written.
      if (end === 0) return undefined;
      const lines = piece.subarray(0, end);
      for (let mark = lines.indexOf(wanted); mark !== -1; mark = lines.indexOf(wanted, mark + 1)) {
        const line = lines.toString(
          'utf8',
          lines.lastIndexOf(NEWLINE, mark) + 1,
          lines.indexOf(NEWLINE, mark),
        );
        // A fact of another record can be named like this, and hold anything.
        if (idOf(line) === eventId) return line;
      }
      const last = firstTimeMs(lines, lines.lastIndexOf(NEWLINE, end - 2) + 1);
      if (last !== undefined && last > untilMs) return undefined;
      at += end;
    }
    return undefined;
  }
}
