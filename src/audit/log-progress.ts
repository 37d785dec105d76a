import type { WriterMessage } from '../store/messages.ts';

/** More than these wait at a time: the next is answered at once. */
const MAX_WAITING = 1_024;

interface Waiting {
  readonly isReached: () => boolean;
  readonly answer: (isReached: boolean) => void;
}

/** How far the writer is, as it last said, and who waits for it to be further. */
export class LogProgress {
  /** Records of the sidecar's that were handed to the system, and that are on disk: from its start. */
  written = 0;
  synced = 0;
  /** Records of the log, from its first, that a checkpoint covers; 0: not told yet. */
  signed = 0;
  readonly #waiting = new Set<Waiting>();
  #isOver = false;

  told({ written, synced, signed }: Extract<WriterMessage, { type: 'ack' }>): void {
    this.written = written;
    this.synced = synced;
    this.signed = signed;
    for (const { isReached, answer } of this.#waiting) if (isReached()) answer(true);
  }

  /** Waits until `isReached` holds. @returns false where it does not within the time, or never will */
  until(isReached: () => boolean, timeoutMs: number): Promise<boolean> {
    if (isReached()) return Promise.resolve(true);
    if (this.#isOver || timeoutMs <= 0 || this.#waiting.size >= MAX_WAITING) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiting.answer(false), timeoutMs);
      const waiting: Waiting = {
        isReached,
        answer: (reached) => {
          clearTimeout(timer);
          this.#waiting.delete(waiting);
          resolve(reached);
        },
      };
      this.#waiting.add(waiting);
    });
  }

  /** Nothing more will come. */
  over(): void {
    this.#isOver = true;
    for (const { answer } of this.#waiting) answer(false);
  }
}
