import { deserialize, serialize } from 'node:v8';

/**
 * A head and a long list of plain values, as bytes that all threads share: posting it copies nothing, and each item is
 * read by itself, when it is needed.
 */
export interface SharedList<Head, Item> {
  readonly bytes: SharedArrayBuffer;
  /** Where the head ends, and each item. */
  readonly ends: readonly number[];
  /** What is read again. Never there: it only says the types. */
  readonly of?: readonly [Head, Item];
}

export function shareList<Head, Item>(head: Head, items: readonly Item[]): SharedList<Head, Item> {
  const pieces = [head, ...items].map((value) => serialize(value));
  let end = 0;
  const ends = pieces.map((piece) => (end += piece.length));
  const bytes = new SharedArrayBuffer(end);
  const all = new Uint8Array(bytes);
  for (const [index, piece] of pieces.entries()) all.set(piece, (ends[index] ?? 0) - piece.length);
  return { bytes, ends };
}

export function readHead<Head>(shared: SharedList<Head, unknown>): Head {
  return deserialize(pieceOf(shared, 0));
}

/** The list of a `SharedList`. Nothing is kept: an item is another object each time it is read. */
export class SharedItems<Item> {
  readonly length: number;
  readonly #shared: SharedList<unknown, Item>;

  constructor(shared: SharedList<unknown, Item>) {
    this.#shared = shared;
    this.length = shared.ends.length - 1;
  }

  /** @param index from 0 */
  at(index: number): Item | undefined {
    return index < this.length ? deserialize(pieceOf(this.#shared, index + 1)) : undefined;
  }

  *[Symbol.iterator](): Generator<Item, undefined, undefined> {
    for (let index = 1; index <= this.length; index++) yield deserialize(pieceOf(this.#shared, index));
    return undefined;
  }
}

/** A copy: what is read of it may stay a view of these bytes. */
function pieceOf({ bytes, ends }: SharedList<unknown, unknown>, index: number): Buffer {
  const start = index === 0 ? 0 : (ends[index - 1] ?? 0);
  return Buffer.from(new Uint8Array(bytes, start, (ends[index] ?? start) - start));
}
