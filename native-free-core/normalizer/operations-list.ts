import { Usage } from '../errors.ts';
import { methodProblem } from './method.ts';
import { canonicalTarget } from './target.ts';

/** One operation that a provider publishes. */
export interface PublishedOperation {
  readonly method: string;
  readonly host: string;
  /** Template: `/repos/{owner}/{repo}`. */
  readonly path: string;
  /** The path with a name of its own for each parameter. */
  readonly filledPath: string;
}

/** The longest list that is read, in bytes; a caller reads one more to see that there are more. */
export const MAX_OPERATIONS_BYTES = 16 * 1024 * 1024;

const MAX_LINES = 200_000;
const COLUMNS = ['method', 'host', 'path'] as const;
// No rule has it for a literal: it says nothing of any provider.
const PARAMETER = 'a-parameter-value';

/**
 * Reads a list of operations: tab-separated values, the first line names the columns, among them `method`, `host` and
 * `path`; others are left alone. Empty lines are passed over.
 *
 * @param file names the list in errors
 * @throws Usage with file and line for what is no such list, or names no operation
 */
export function readOperations(text: string, file: string): readonly PublishedOperation[] {
  if (text.length > MAX_OPERATIONS_BYTES) {
    throw new Usage(`${file}: is longer than ${MAX_OPERATIONS_BYTES} bytes; split it`);
  }
  const lines = text.replace(/^\u{feff}/u, '').split('\n', MAX_LINES + 1);
  if (lines.length > MAX_LINES) throw new Usage(`${file}: has more than ${MAX_LINES} lines; split it`);
  const [header = '', ...rows] = lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  const names = header.split('\t');
  const places = COLUMNS.map((column) => placeOf(column, names, file));
  const operations = rows.flatMap((row, index) =>
    row === '' ? [] : [readOperation(row.split('\t'), names.length, places, `${file}:${index + 2}`)],
  );
  if (operations.length === 0) throw new Usage(`${file}: names no operation below its first line`);
  return operations;
}

/** An operation as reports name it: `GET api.github.com/repos/{owner}/{repo}`. */
export function writtenOperation({ method, host, path }: PublishedOperation): string {
  return `${method} ${host}${path}`;
}

function placeOf(column: string, names: readonly string[], file: string): number {
  const place = names.indexOf(column);
  if (place === -1) {
    throw new Usage(
      `${file}:1: has no column \`${column}\`; the first line names the columns, separated by tabs: ` +
        '`method`, `host`, `path`',
    );
  }
  if (names.includes(column, place + 1)) throw new Usage(`${file}:1: names the column \`${column}\` twice`);
  return place;
}

function readOperation(
  fields: readonly string[],
  width: number,
  places: readonly number[],
  where: string,
): PublishedOperation {
  if (fields.length > width) throw new Usage(`${where}: has ${fields.length} fields, not ${width}`);
  const [method = '', host = '', path = ''] = places.map((place) => fields[place]);
  const problem = methodProblem(method);
  if (problem !== undefined) throw new Usage(`${where}: ${problem}`);
  if (!path.startsWith('/')) throw new Usage(`${where}: \`path\` does not start with \`/\``);
  const filledPath = path.replaceAll(/\{[^{}/]*\}/g, PARAMETER);
  const target = canonicalTarget('https', host, filledPath);
  if ('malformed' in target)
    throw new Usage(`${where}: \`host\` and \`path\` are no target: ${target.malformed}`);
  return { method, host, path, filledPath };
}
