/** Bytes of a body that is read for its facts, as sent and decoded; a longer one cannot be told exactly. */
export const MAX_FACT_BODY = 65_536;

/**
 * Undoes a content coding; the core has no such code of its own.
 *
 * @param bytes as sent, at most `MAX_FACT_BODY`
 * @param part `whole`: all of the body; `head`: its beginning, cut anywhere
 * @returns at most `MAX_FACT_BODY` bytes; undefined where a whole body is longer, is not exactly one stream of that
 *   coding, or the coding is not known
 */
export type DecodeBody = (
  coding: 'gzip' | 'br',
  bytes: Uint8Array,
  part: 'whole' | 'head',
) => Uint8Array | undefined;

/**
 * The one content coding of a request (RFC 9110 §8.4).
 *
 * @param values every `content-encoding` of the request
 * @returns undefined for another coding, and for a list: servers take its first, its last or all
 */
export function contentCoding(values: readonly string[]): 'identity' | 'gzip' | 'br' | undefined {
  if (values.length > 1) return undefined;
  const coding = (values[0] ?? 'identity').trim().toLowerCase();
  return coding === 'identity' || coding === 'gzip' || coding === 'br' ? coding : undefined;
}
