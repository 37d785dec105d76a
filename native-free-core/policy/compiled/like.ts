import { finderOf } from './substring.ts';

/**
 * Cedar's `like`.
 *
 * Comparing UTF-16 units is comparing characters, as long as text and pattern are well formed.
 *
 * @param parts what stands between the wildcards, at least one
 * Cost: each part is looked for once, from where the one before it was found; linear in the text.
 */
export function likePattern(parts: readonly string[]): (text: string) => boolean {
  const [first = ''] = parts;
  if (parts.length === 1) return (text) => text === first;
  const last = parts[parts.length - 1] ?? '';
  const between = parts.slice(1, -1).map((part) => ({ find: finderOf(part), length: part.length }));
  return (text) => {
    const end = text.length - last.length;
    let at = first.length;
    if (end < at || !text.startsWith(first) || !text.endsWith(last)) return false;
    // The earliest place is as good as any later one.
    for (const { find, length } of between) {
      const found = find(text, at);
      if (found < 0 || found + length > end) return false;
      at = found + length;
    }
    return true;
  };
}
