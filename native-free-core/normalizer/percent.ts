const PERCENT = 37;

/**
 * Reads one escaped character.
 *
 * @param at index of its first `%`
 * @returns the end of its escapes, behind all of them where it takes several; -1 where a `%` starts no escape or the
 *   bytes are not UTF-8 (RFC 3629: nothing overlong, no surrogate) or one of the controls U+0080 to U+009F
 */
export function escapeEnd(text: string, at: number): number {
  const first = escapedByte(text, at);
  if (first < 0x80) return first < 0 ? -1 : at + 3;
  if (first < 0xc2 || first > 0xf4) return -1;
  const end = at + (first < 0xe0 ? 6 : first < 0xf0 ? 9 : 12);
  const second = escapedByte(text, at + 3);
  if (second < lowestSecond(first) || second > highestSecond(first)) return -1;
  for (let i = at + 6; i < end; i += 3) {
    const byte = escapedByte(text, i);
    if (byte < 0x80 || byte > 0xbf) return -1;
  }
  return end;
}

/** The byte escaped at an index, or -1 where no `%` with two hexadecimal digits stands there. */
export function escapedByte(text: string, at: number): number {
  if (text.charCodeAt(at) !== PERCENT) return -1;
  const high = hexValue(text.charCodeAt(at + 1));
  const low = hexValue(text.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** Whether `%25` stands before two hexadecimal digits: somebody may decode once more. */
export function isEscapedTwice(text: string): boolean {
  for (let i = text.indexOf('%25'); i !== -1; i = text.indexOf('%25', i + 3)) {
    if (hexValue(text.charCodeAt(i + 3)) >= 0 && hexValue(text.charCodeAt(i + 4)) >= 0) return true;
  }
  return false;
}

function lowestSecond(first: number): number {
  if (first === 0xc2 || first === 0xe0) return 0xa0;
  return first === 0xf0 ? 0x90 : 0x80;
}

function highestSecond(first: number): number {
  if (first === 0xed) return 0x9f;
  return first === 0xf4 ? 0x8f : 0xbf;
}

/** NaN, behind the end of a text, has no value either. */
function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
