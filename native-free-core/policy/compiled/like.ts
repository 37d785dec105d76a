/**
 * Cedar's `like`.
 *
 * Comparing UTF-16 units is comparing characters, as long as text and pattern are well formed.
 *
 * @param parts what stands between the wildcards, at least one
 * Cost: each part is looked for once, from where the one before it was found.
 */
export function likePattern(parts: readonly string[]): (text: string) => boolean {
  const [first = ''] = parts;
  if (parts.length === 1) return (text) => text === first;
  const last = parts[parts.length - 1] ?? '';
  const between = parts.slice(1, -1);
  return (text) => {
    const end = text.length - last.length;
    let at = first.length;
    if (end < at || !text.startsWith(first) || !text.endsWith(last)) return false;
    // The earliest place is as good as any later one.
    for (const part of between) {
      const found = text.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
