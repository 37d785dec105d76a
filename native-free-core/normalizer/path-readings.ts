import type { Malformed } from './host.ts';
import { decodeReserved, hasAmbiguousEscape, resolveSegments, withoutTrailingSlash } from './path.ts';

/** One path an upstream may read a canonical path as. */
export interface PathReading {
  readonly path: string;
  /**
   * Where `%2F` was taken for `/`: index of the reading it was data in, whose rule may say `encoded_slash`.
   * -1 for every other reading, and where dot segments or empty ones came up: no name has those.
   */
  readonly dataAt: number;
  /**
   * Where only escapes such as `%3A` were decoded: index of the reading that keeps them, which has the same
   * segments; this one counts where it matches another rule. -1 for every other reading.
   */
  readonly twinAt: number;
}

/** Whether a path has one reading: nothing in it that servers disagree about. */
export function hasOneReading(matchPath: string): boolean {
  return !matchPath.includes(';') && !hasAmbiguousEscape(matchPath);
}

/**
 * The readings of a path: `%2F` as data and as separator, `;…` of a segment kept and dropped, and, against
 * servers that match after decoding, escapes of reserved characters such as `%3A` decoded.
 *
 * What a server makes of a path it resolves again: `/a/..;x/b` without its `;x` is `/b`.
 *
 * @param matchPath canonical, without a trailing `/`
 * @returns the path itself first, at most eleven others; or Malformed where one leads above the root
 */
export function pathReadings(matchPath: string): readonly PathReading[] | Malformed {
  const list = new ReadingList();
  list.add(matchPath, -1, -1);
  list.add(decodeReserved(matchPath), -1, 0);
  for (const { path } of list.readings) list.add(dropParameters(path), -1, -1);
  for (const [dataAt, { path, twinAt }] of list.readings.entries()) {
    const separated = path.replaceAll('%2F', '/');
    list.add(separated, dataAt, twinAt === -1 ? -1 : list.indexOf(matchPath.replaceAll('%2F', '/')));
    list.add(dropParameters(separated), dataAt, -1);
  }
  return list.problem ?? list.readings;
}

class ReadingList {
  readonly readings: PathReading[] = [];
  problem: Malformed | undefined;
  readonly #seen = new Set<string>();

  add(path: string, dataAt: number, twinAt: number): void {
    const resolved = resolveSegments(path);
    if (typeof resolved !== 'string') {
      this.problem ??= resolved;
      return;
    }
    const plain = withoutTrailingSlash(resolved);
    if (this.#seen.has(plain)) return;
    this.#seen.add(plain);
    const isAsWritten = plain === withoutTrailingSlash(path);
    this.readings.push({ path: plain, dataAt: isAsWritten ? dataAt : -1, twinAt });
  }

  indexOf(path: string): number {
    return this.readings.findIndex((reading) => reading.path === path);
  }
}

function dropParameters(path: string): string {
  return path.replace(/;[^/]*/g, '');
}
