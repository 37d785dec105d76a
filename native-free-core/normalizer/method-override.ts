import { methodProblem } from './method.ts';
import type { RawRequest } from './envelope.ts';
import type { Malformed } from './host.ts';

/** Headers that make some servers take a request for one with another method. */
export const OVERRIDE_HEADERS: readonly string[] = [
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
];

const OVERRIDE_KEY = '_method';
const AMPERSAND = 38;
const SEMICOLON = 59;
const QUESTION = 63;
// `_`, `%`, and what `isOverrideKey` reads as `_`: blank, `+`, `.`, `[`, `]`.
const OVERRIDE_STARTS: ReadonlySet<number> = new Set([95, 37, 32, 43, 46, 91, 93]);

/** Whether a request may name a second method. Cheap, and never wrongly false. */
export function mayOverrideMethod(raw: RawRequest, query: string): boolean {
  if (query !== '' && hasKeyLikeOverride(query)) return true;
  if (raw.headers.size === 0) return false;
  for (const name of OVERRIDE_HEADERS) if (raw.headers.has(name)) return true;
  return false;
}

/** Whether some key starts with what `_method` can start with, as it is, escaped, or as loose servers spell it. */
function hasKeyLikeOverride(query: string): boolean {
  for (let i = 0; i + 1 < query.length; i++) {
    const code = query.charCodeAt(i);
    if (code !== QUESTION && code !== AMPERSAND && code !== SEMICOLON) continue;
    const first = query.charCodeAt(i + 1);
    if (OVERRIDE_STARTS.has(first)) return true;
  }
  return false;
}

/**
 * Every method an upstream may take the request for: its own first, then those of override headers and of
 * `_method` in the query, in upper case and without repetition.
 */
export function methodsOf(raw: RawRequest, query: string): readonly string[] | Malformed {
  if (!mayOverrideMethod(raw, query)) return [raw.method];
  const named = OVERRIDE_HEADERS.flatMap((name) => raw.headers.get(name) ?? []).flatMap((value) =>
    value.split(','),
  );
  const methods = new Set([raw.method]);
  for (const value of [...named, ...overridesInQuery(query)]) {
    const method = value.trim().toUpperCase();
    if (method === '') continue;
    if (methodProblem(method) !== undefined) return { malformed: 'a method override names no method' };
    methods.add(method);
  }
  return [...methods];
}

function overridesInQuery(query: string): readonly string[] {
  const values: string[] = [];
  // Some servers part a query at `;` as well.
  for (const pair of query.slice(1).split(/[&;]/)) {
    const equals = pair.indexOf('=');
    if (equals !== -1 && isOverrideKey(decodeAscii(pair.slice(0, equals)))) {
      values.push(decodeAscii(pair.slice(equals + 1)));
    }
  }
  return values;
}

/** PHP cuts a name at NUL, drops leading blanks, reads `.`, blank and `[` as `_`; qs reads `[_method]` as `_method`. */
export function isOverrideKey(name: string): boolean {
  const nul = name.indexOf('\0');
  const loose = (nul === -1 ? name : name.slice(0, nul))
    .replaceAll(/[+ .[\]]/g, '_')
    .replaceAll(/_+/g, '_')
    .replace(/_$/, '');
  return loose.toLowerCase() === OVERRIDE_KEY;
}

function decodeAscii(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
