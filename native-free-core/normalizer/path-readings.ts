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
}

/** A bound on the work for one path; a path that is meant well has a handful. */
const MAX_FORMS = 64;

/** Whether a path has one reading: nothing in it that servers disagree about. */
export function hasOneReading(matchPath: string): boolean {
  return !matchPath.includes(';') && !hasAmbiguousEscape(matchPath);
}

/**
 * The readings of a path: `%2F` as data and as separator, `;…` of a segment kept and dropped (of every segment, or of
 * the last alone, as RFC 1808 has it), and, against servers that match after decoding, escapes of reserved characters
 * such as `%3A` decoded; in any order.
 *
 * What a server makes of a path it resolves again: `/a/..;x/b` without its `;x` is `/b`.
 *
 * @param matchPath canonical, without a trailing `/`
 * @returns the path itself first, each reading once, at most 64; or Malformed where there are more, or one of them
 *   leads above the root
 */
export function pathReadings(matchPath: string): readonly PathReading[] | Malformed {
  const list = new ReadingList();
  list.add(matchPath, -1, false);
  // Both loops go on until nothing that a server may do to a form of the path gives another one.
  for (let i = 0; i < list.forms.length && list.problem === undefined; i++) list.addLooser(list.forms[i]);
  const dataCount = list.forms.length;
  for (let i = 0; i < list.forms.length && list.problem === undefined; i++) {
    if (i < dataCount) list.addSeparated(list.forms[i]);
    else list.addLooser(list.forms[i]);
  }
  return list.problem ?? list.readings;
}

/** The path as it may stand somewhere in a server: dot segments are resolved first, last or in between. */
interface Form {
  readonly text: string;
  /** Index of the reading it is. */
  readonly reading: number;
  /** Whether the parameters of the last segment were dropped: nobody does that twice. */
  readonly isCut: boolean;
}

class ReadingList {
  readonly readings: PathReading[] = [];
  readonly forms: Form[] = [];
  problem: Malformed | undefined;

  add(path: string, dataAt: number, isCut: boolean): void {
    const resolved = resolveSegments(path);
    if (typeof resolved !== 'string') {
      this.problem ??= resolved;
      return;
    }
    const plain = withoutTrailingSlash(resolved);
    const reading = { path: plain, dataAt: plain === withoutTrailingSlash(path) ? dataAt : -1 };
    let index = this.readings.findIndex((other) => other.path === plain);
    if (index === -1) index = this.readings.push(reading) - 1;
    // Read in two ways, and one of them is no name with a slash in it.
    else if (reading.dataAt === -1) this.readings[index] = reading;
    this.#note({ text: path, reading: index, isCut });
    if (plain !== path) this.#note({ text: plain, reading: index, isCut });
  }

  /** With escapes of reserved characters decoded, and without parameters. */
  addLooser(form: Form | undefined): void {
    if (form === undefined) return;
    const { text, isCut } = form;
    const dataAt = this.readings[form.reading]?.dataAt ?? -1;
    if (text.includes('%')) this.add(decodeReserved(text), dataAt, isCut);
    if (!text.includes(';')) return;
    this.add(dropParameters(text), dataAt, isCut);
    if (!isCut) this.add(dropLastParameters(text), dataAt, true);
  }

  addSeparated(form: Form | undefined): void {
    if (form?.text.includes('%2F') !== true) return;
    this.add(form.text.replaceAll('%2F', '/'), form.reading, form.isCut);
  }

  #note(form: Form): void {
    for (const { text, isCut } of this.forms) {
      if (text === form.text && (form.isCut || !isCut)) return;
    }
    if (this.forms.length === MAX_FORMS) {
      this.problem ??= { malformed: `the path can be read in more than ${MAX_FORMS} ways` };
      return;
    }
    this.forms.push(form);
  }
}

function dropParameters(path: string): string {
  let kept = '';
  let start = 0;
  for (let mark = path.indexOf(';'); mark !== -1; mark = path.indexOf(';', start)) {
    kept += path.slice(start, mark);
    const slash = path.indexOf('/', mark);
    if (slash === -1) return kept;
    start = slash;
  }
  return kept + path.slice(start);
}

function dropLastParameters(path: string): string {
  const mark = path.indexOf(';', path.lastIndexOf('/'));
  return mark === -1 ? path : path.slice(0, mark);
}
