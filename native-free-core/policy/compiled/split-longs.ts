// Strings and comments, words (which may hold digits), and integers with the sign before them.
const TOKEN = /"(?:[^"\\]|\\.)*"|\/\/[^\n\r]*|[A-Za-z_][A-Za-z0-9_]*|(-\s*)?([0-9]+)/gs;

const MAX_LONG = 2n ** 63n - 1n;
const HALF = 32n;

/**
 * Writes the integers of a policy that a double cannot hold as sums of ones that it can: `9007199254740993` becomes
 * `(2097152 * 4294967296 + 1)`.
 *
 * Cedar's JSON form of a policy reaches JavaScript through doubles. The answers of the policy stay what they were: the
 * sums never overflow.
 *
 * @param text one policy that Cedar accepts
 */
export function splitLongs(text: string): string {
  return text.replace(TOKEN, (token: string, sign: string | undefined, digits: string | undefined) => {
    if (digits === undefined || Number.isSafeInteger(Number(digits))) return token;
    const value = BigInt(digits);
    if (value <= MAX_LONG) {
      return `${sign ?? ''}(${value >> HALF} * 4294967296 + ${BigInt.asUintN(Number(HALF), value)})`;
    }
    // The least Long is one literal: without its sign it is out of range.
    if (value === MAX_LONG + 1n && sign !== undefined) return '(-2147483647 * 4294967296 - 4294967296)';
    return token;
  });
}
