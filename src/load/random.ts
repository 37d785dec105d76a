/** Answers with a number from 0 up to, but not, 1. */
export type Random = () => number;

const WORD = 2 ** 32;

/** An odd constant far from any pattern: neighbouring seeds begin far apart. */
const SPREAD = 0x9e3779b9;

/**
 * Numbers that look random and follow from a seed: the same seed, the same numbers, on every machine (xorshift with
 * four words, Marsaglia 2003). Not for secrets.
 */
export function seededRandom(seed: number): Random {
  let x = scramble(seed + SPREAD);
  let y = scramble(x + SPREAD);
  let z = scramble(y + SPREAD);
  let w = scramble(z + SPREAD);
  return () => {
    const mixed = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = (w ^ (w >>> 19) ^ mixed ^ (mixed >>> 8)) >>> 0;
    return w / WORD;
  };
}

function scramble(word: number): number {
  let mixed = (word >>> 0) ^ ((word >>> 0) >>> 16);
  mixed = Math.imul(mixed, 0x45d9f3b);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x2c1b3c6d);
  // Four words of zero would stay so for ever.
  return (mixed ^ (mixed >>> 13)) >>> 0 || SPREAD;
}

/** The items in an order that follows from `random`; the list given stays as it is. */
export function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const order = items.map((item) => ({ item, key: random() }));
  return order.sort((left, right) => left.key - right.key).map(({ item }) => item);
}
