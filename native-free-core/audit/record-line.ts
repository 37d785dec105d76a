import { FirmaError } from '../errors.ts';
import { canonicalize } from './canonical-json.ts';
import { MAX_LINE_BYTES } from './lines.ts';

/** What one line of a log says about itself. */
export interface RecordLine {
  /** The number it claims; undefined where none can be read. */
  readonly seq: number | undefined;
  /** The id it claims, printable; null where none can be read. */
  readonly eventId: string | null;
  /** Whether it is one canonical JSON object with a sequence number. */
  readonly wellFormed: boolean;
}

const PRINTABLE_ID = /^[!-~]{1,64}$/;
// A damaged line is no JSON any more; its id mostly still stands there.
const ID_IN_TEXT = /"event_id":"([!-~]{1,64}?)"/;
const SEQ_IN_TEXT = /"seq":([0-9]{1,15})[,}]/;

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder('utf-8', { ignoreBOM: true });

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseCanonical(line: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  if (line.length > MAX_LINE_BYTES) return undefined;
  try {
    const text = strict.decode(line);
    const value: unknown = JSON.parse(text);
    return isObject(value) && canonicalize(value) === text ? value : undefined;
  } catch (error) {
    // Not UTF-8, not JSON, or JSON without a canonical form.
    if (error instanceof TypeError || error instanceof SyntaxError || error instanceof FirmaError)
      return undefined;
    throw error;
  }
}

/** Reads one line of a log, whatever is in it. */
export function readRecordLine(line: Uint8Array): RecordLine {
  const record = parseCanonical(line);
  if (record === undefined) {
    const text = lossy.decode(line);
    const seqText = SEQ_IN_TEXT.exec(text)?.[1];
    return {
      seq: seqText === undefined ? undefined : Number(seqText),
      eventId: ID_IN_TEXT.exec(text)?.[1] ?? null,
      wellFormed: false,
    };
  }
  const { seq, event_id: id } = record;
  const isNumbered = typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 0;
  return {
    seq: isNumbered ? seq : undefined,
    eventId: typeof id === 'string' && PRINTABLE_ID.test(id) ? id : null,
    wellFormed: isNumbered,
  };
}
