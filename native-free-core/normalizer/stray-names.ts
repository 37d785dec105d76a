import { countMarks, MAX_PAIRS, type FormPair } from './form.ts';

/**
 * Names a server could read in a coded form if it ignored the coding, and that the decoded form does not give.
 *
 * A header, a metadata block or a stored block of a coding holds any text, `&amount=999999&` too. So the bytes as sent
 * are read as leniently as any server might: an escape that is none stays as it is, and what is not printable ASCII is
 * left out of a name and behind a value. What is then the same as in the decoded form does no harm: short bodies are
 * often stored as they are.
 *
 * @param sent one character a byte
 * @param pairs of the decoded form
 * @returns undefined where there are more than `MAX_PAIRS` names
 */
export function strayNames(sent: string, pairs: readonly FormPair[]): readonly string[] | undefined {
  if (countMarks(sent) >= MAX_PAIRS) return undefined;
  const given = new Set(
    pairs.map(({ name, value }) => (typeof value === 'string' ? `${name}=${value}` : name)),
  );
  const strays: string[] = [];
  for (const pair of sent.split(/[&;]/)) {
    const equals = pair.indexOf('=');
    const name = unescape(equals === -1 ? pair : pair.slice(0, equals)).replaceAll(/[^\x20-\x7e]/g, '');
    const value = equals === -1 ? '' : withoutTail(unescape(pair.slice(equals + 1)));
    if (!given.has(`${name}=${value}`)) strays.push(name);
  }
  return strays;
}

function unescape(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replaceAll(/%(?:u00)?([0-9a-f]{2})/gi, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
}

function withoutTail(text: string): string {
  let end = text.length;
  while (end > 0 && !isPrintable(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}

function isPrintable(code: number): boolean {
  return code >= 0x20 && code <= 0x7e;
}
