/**
 * Text as small numbers, so that fixed-width slots can hold it. Counted: a text nobody refers to any more is dropped,
 * so there are never more than the slots can refer to. 0 is no text. Belongs to one thread.
 */
export class Interner {
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [''];
  readonly #uses: number[] = [0];
  readonly #free: number[] = [];

  /** The number of a text, with one more use of it. */
  take(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) {
      this.#uses[known] = (this.#uses[known] ?? 0) + 1;
      return known;
    }
    const id = this.#free.pop() ?? this.#texts.length;
    this.#texts[id] = text;
    this.#uses[id] = 1;
    this.#ids.set(text, id);
    return id;
  }

  /** The number of a text, or 0 where nobody refers to it. */
  find(text: string): number {
    return this.#ids.get(text) ?? 0;
  }

  text(id: number): string {
    return this.#texts[id] ?? '';
  }

  /** One use less. */
  drop(id: number): void {
    if (id === 0) return;
    const uses = (this.#uses[id] ?? 0) - 1;
    this.#uses[id] = uses;
    if (uses > 0) return;
    this.#ids.delete(this.text(id));
    this.#texts[id] = '';
    this.#free.push(id);
  }

  get size(): number {
    return this.#ids.size;
  }
}
