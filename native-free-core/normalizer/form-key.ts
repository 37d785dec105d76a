/**
 * A key of a form or a query as its parts: `line_items[0][amount]` is `line_items`, `0` and `amount`. The tokens of a
 * JSON pointer are one too.
 */
export type KeyParts = readonly string[];

const KEY = /^[A-Za-z0-9_.-]{1,64}(?:\[(?:0|[1-9][0-9]{0,5}|[A-Za-z_][A-Za-z0-9_-]{0,63})\]){0,8}$/;
const PAIRED_BRACKETS = /^[^[\]]+(?:\[[^[\]]*\])*$/;
// Blank `.` `[` `]` `_`: what servers part a name at, or take for one another.
const MARKS: ReadonlySet<number> = new Set([32, 46, 91, 93, 95]);
const INDEX = /^(?:0|[1-9][0-9]{0,5})$/;
// What no server takes for another index: one of its own, or a name.
const OTHER_PLACE = /^(?:0|[1-9][0-9]{0,5}|[a-z][a-z0-9_-]*)$/;

/** The parts of a key as a table writes it: a name and up to 8 groups `[name]` or `[0]`; undefined where it is none. */
export function keyParts(text: string): KeyParts | undefined {
  return KEY.test(text) ? parts(text) : undefined;
}

/**
 * Whether some server takes a name for the key, for a list or an object at its place, or for a value that holds it.
 *
 * True for the key itself; for another case, blanks around it, `.` for `_` or for brackets, an index with zeros or
 * left open (`k[]`); for a longer name below the key and, where the key has groups, for a shorter one above it. A name
 * whose brackets do not pair is taken for any key it starts like: PHP, Rack and qs each mend it in another way.
 */
export function couldMeanKey(name: string, key: KeyParts): boolean {
  const [first = '', ...groups] = key;
  if (name.length < first.length) return false;
  const folded = fold(name);
  if (!startsLike(folded, fold(first))) return false;
  const loose = marksAsOne(folded);
  const wanted = loosen(first);
  if (!PAIRED_BRACKETS.test(loose)) return true;
  const [head, ...written] = parts(loose);
  if (head === wanted) {
    return groups.every((group, at) => at >= written.length || couldMeanGroup(written[at] ?? '', group));
  }
  return groups.length > 0 && isDottedBelow(name, wanted);
}

/** The same for a key without groups, such as a member of a JSON object. */
export function couldMean(name: string, key: string): boolean {
  return couldMeanKey(name, [key]);
}

/**
 * Whether a name could be the key's, or stand anywhere below its first part.
 *
 * Asked of another place than the key's own: a server that reads both merges them by whole trees, or takes one.
 */
export function sharesRoot(name: string, key: KeyParts): boolean {
  const [first = ''] = key;
  return couldMean(name, first) || (key.length > 1 && isDottedBelow(name, loosen(first)));
}

function isDottedBelow(name: string, wanted: string): boolean {
  const dot = name.indexOf('.');
  return dot !== -1 && loosen(name.slice(0, dot)) === wanted;
}

function couldMeanGroup(written: string, group: string): boolean {
  if (INDEX.test(group)) return written === group || !OTHER_PLACE.test(written);
  return written === '' || bare(written) === bare(loosen(group));
}

function parts(text: string): KeyParts {
  return text.replaceAll(']', '').split('[');
}

/** Whether a name begins with the letters of another, whatever marks stand between them. Most names do not. */
function startsLike(name: string, wanted: string): boolean {
  let at = behindMarks(name, 0);
  let from = behindMarks(wanted, 0);
  while (from < wanted.length) {
    const next = behindMarks(wanted, from);
    if (next > from) {
      const behind = behindMarks(name, at);
      if (behind === at) return false;
      from = next;
      at = behind;
    } else if (name.charCodeAt(at++) !== wanted.charCodeAt(from++)) return false;
  }
  return true;
}

function behindMarks(text: string, from: number): number {
  let at = from;
  while (at < text.length && MARKS.has(text.charCodeAt(at))) at++;
  return at;
}

function loosen(name: string): string {
  return marksAsOne(fold(name));
}

/** Upper case first: it also folds the letters that only some readers, Go's among them, take for `s` or `i`. */
function fold(name: string): string {
  return name.trim().toUpperCase().toLowerCase();
}

function marksAsOne(folded: string): string {
  return folded.replaceAll(/[. ]/g, '_');
}

function bare(loose: string): string {
  return loose.replaceAll('_', '');
}
