import { countMembers, type Invalid, isObject } from '../call.ts';

/** Deeper than this no request of the API goes. */
export const MAX_DEPTH = 8;

export type JsonObject = Readonly<Record<string, unknown>>;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const TOO_DEEP = -1;

/** @returns undefined where the bytes are no UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Members of all objects in a value from JSON, or `TOO_DEEP`. */
function membersOf(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth === 0) return TOO_DEEP;
  let members = 0;
  for (const child of Object.values(value)) {
    const below = membersOf(child, depth - 1);
    if (below === TOO_DEEP) return TOO_DEEP;
    members += below;
  }
  return Array.isArray(value) ? members : members + Object.keys(value).length;
}

/**
 * Reads the JSON object of a request: at most `MAX_DEPTH` deep, and no key twice in one object, of which the caller's own
 * reader may have taken the other one.
 */
export function parseStrictObject(json: string): { readonly object: JsonObject } | Invalid {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { invalid: 'the body is not JSON' };
  }
  if (!isObject(value)) return { invalid: 'the body is no JSON object' };
  const members = membersOf(value, MAX_DEPTH);
  if (members === TOO_DEEP) return { invalid: `the body is nested deeper than ${MAX_DEPTH}` };
  return members === countMembers(json)
    ? { object: value }
    : { invalid: 'a key stands twice in an object of the body' };
}

/** What is wrong with an object that has a field beside those allowed; nothing of its own text is in the message. */
export function unknownFieldProblem(
  what: string,
  value: JsonObject,
  allowed: readonly string[],
): string | undefined {
  for (const name in value) {
    if (!allowed.includes(name)) {
      return `${what} has ${allowed.map((one) => `\`${one}\``).join(', ')}, and no other field`;
    }
  }
  return undefined;
}
