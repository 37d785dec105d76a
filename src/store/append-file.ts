import { closeSync, constants, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';

/** A file of mode 0600 that is written at its end only. */
export class AppendFile {
  readonly #fd: number;
  #length: number;

  /**
   * Opens or makes it, and cuts it to `length`.
   *
   * @throws the system's error
   */
  constructor(path: string, length: number) {
    this.#fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    this.#length = length;
    ftruncateSync(this.#fd, length);
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Writes all bytes or none: after an error the end is where it was, and the next append overwrites what may be there.
   *
   * @throws the system's error
   */
  append(bytes: Uint8Array): void {
    let written = 0;
    while (written < bytes.length) {
      written += writeSync(this.#fd, bytes, written, bytes.length - written, this.#length + written);
    }
    this.#length += written;
  }

  /** Resolves once everything appended before the call is on disk. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** Cuts off what a failed append may have left behind the end, and closes. */
  close(): void {
    try {
      ftruncateSync(this.#fd, this.#length);
    } finally {
      closeSync(this.#fd);
    }
  }
}
