// Of a connection or of its time, or removed before a call leaves: they make no other call of one.
const IGNORED: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'date',
  'host',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'traceparent',
  'tracestate',
  'transfer-encoding',
  'x-api-key',
  'x-request-id',
]);

/**
 * The headers of a request in one text, alike for requests that say the same: by lower-case name, in the order of names.
 *
 * @param fields as received
 * @param without lower-case names that are told otherwise
 */
export function otherHeaders(
  fields: Iterable<readonly [string, string]>,
  without: readonly string[],
): string {
  const lines: string[] = [];
  for (const [field, value] of fields) {
    const name = field.toLowerCase();
    if (!IGNORED.has(name) && !without.includes(name)) lines.push(`${name}:${value}`);
  }
  return lines.sort().join('\n');
}
