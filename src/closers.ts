type Close = () => Promise<unknown> | unknown;

/** Closes what was opened, last first, once; every one is closed even where one before it failed. */
export class Closers {
  readonly #closers: Close[] = [];
  #closing: Promise<void> | undefined;

  add(close: Close): void {
    this.#closers.push(close);
  }

  /** @throws the first error, after everything was closed */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const errors: unknown[] = [];
    for (const close of this.#closers.toReversed()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
