import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

type Resume = () => void;

/**
 * The upstream answers that are held back because their agents read slower than they come.
 *
 * undici's HTTP/1 parser asserts, in a socket's event handler, that it is not paused when its connection ends, so an
 * upstream that closes behind a slow agent would end the process. Whoever ends, everything held back goes on for a
 * moment first: at the end of a connection nothing more can come over it, and other answers are held back again at
 * their next piece.
 */
export class HeldBack {
  readonly #resumes = new Set<Resume>();

  add(resume: Resume): void {
    this.#resumes.add(resume);
  }

  delete(resume: Resume): void {
    this.#resumes.delete(resume);
  }

  /** Watches a new connection, before undici does. */
  watch(socket: Socket | TLSSocket): void {
    socket.prependListener('end', () => {
      for (const resume of [...this.#resumes]) resume();
    });
    socket.prependListener('error', (error: NodeJS.ErrnoException) => {
      // By this code undici would take a reset for the clean end of an answer without a length, by the same assertion.
      if (error.code === 'ECONNRESET') error.code = 'UND_ERR_SOCKET';
    });
  }
}
