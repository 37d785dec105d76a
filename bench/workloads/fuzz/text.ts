import * as fc from 'fast-check';

// What generators of policies write: Cedar text.

export type Text = fc.Arbitrary<string>;

/** Text with generated parts. */
export function cedar(pieces: TemplateStringsArray, ...parts: readonly Text[]): Text {
  return fc.tuple(...parts).map((texts) => pieces.map((piece, at) => `${piece}${texts[at] ?? ''}`).join(''));
}

/** A list of one to three. */
export function setOf(items: Text): Text {
  return fc.array(items, { minLength: 1, maxLength: 3 }).map((texts) => `[${texts.join(', ')}]`);
}

/** What stands between the quotes of a Cedar string. */
export function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('\u0000', '\\0')
    .replaceAll('\u{1f600}', '\\u{1F600}');
}

/** A Cedar string. */
export function quoted(text: string): string {
  return `"${escaped(text)}"`;
}
