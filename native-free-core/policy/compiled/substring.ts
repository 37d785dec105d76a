/** Where a part first stands in a text from a place on, or -1. */
export type Finder = (text: string, from: number) => number;

/** In UTF-16 units. Up to here the product of text and part, which `indexOf` may take, is no matter. */
const SHORT = 64;

/** For each beginning of the part, how long the longest proper beginning of it is that is also its end. */
function bordersOf(part: string): Int32Array {
  const borders = new Int32Array(part.length);
  let border = 0;
  for (let at = 1; at < part.length; at += 1) {
    const unit = part.charCodeAt(at);
    while (border > 0 && part.charCodeAt(border) !== unit) border = borders[border - 1] ?? 0;
    if (part.charCodeAt(border) === unit) border += 1;
    borders[at] = border;
  }
  return borders;
}

/**
 * Makes a search for one part. Whatever text and part are, it takes a time linear in the text: a long part is looked for
 * as Knuth, Morris and Pratt do.
 */
export function finderOf(part: string): Finder {
  if (part.length <= SHORT) return (text, from) => text.indexOf(part, from);
  const borders = bordersOf(part);
  return (text, from) => {
    let matched = 0;
    for (let at = from; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      while (matched > 0 && part.charCodeAt(matched) !== unit) matched = borders[matched - 1] ?? 0;
      if (part.charCodeAt(matched) === unit) matched += 1;
      if (matched === part.length) return at + 1 - matched;
    }
    return -1;
  };
}
