import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

const PIECE_BYTES = 64 * 1024;

/**
 * Reads a whole request body, for rules that declare facts.
 *
 * @returns undefined where it is longer than `maxBytes`, ends early or takes longer than `timeoutMs`; what was read
 *   of a longer one is put back, so that the message still holds every byte
 */
export function readBody(
  req: IncomingMessage,
  maxBytes: number,
  timeoutMs: number,
): Promise<Buffer | undefined> {
  if (req.readableEnded || req.destroyed) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const settle = (body: Buffer | undefined): void => {
      clearTimeout(timer);
      req.off('data', onData).off('end', onEnd).off('close', onBroken).off('error', onBroken);
      resolve(body);
    };
    const onData = (piece: Buffer): void => {
      pieces.push(piece);
      size += piece.length;
      if (size <= maxBytes) return;
      req.pause();
      settle(undefined);
      req.unshift(Buffer.concat(pieces));
    };
    const onEnd = (): void => settle(Buffer.concat(pieces));
    const onBroken = (): void => settle(undefined);
    const timer = setTimeout(onBroken, timeoutMs);
    req.on('data', onData).once('end', onEnd).once('close', onBroken).once('error', onBroken);
  });
}

/**
 * A request body on its way to the upstream, a piece at a time.
 *
 * It stands between the agent's message and the upstream's client, which destroys a body it no longer needs:
 * destroying the message itself would take the agent's connection along, and with it the answer.
 */
export class RequestBody extends Readable {
  readonly #req: IncomingMessage;
  #bytes = 0;

  constructor(req: IncomingMessage) {
    super({ highWaterMark: PIECE_BYTES });
    this.#req = req;
    req.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onClose);
    req.pause();
    // Whoever reads this has its own listener; a body nobody reads any more must not end the process.
    this.on('error', () => undefined);
  }

  /** Bytes passed on so far. */
  get bytes(): number {
    return this.#bytes;
  }

  override _read(): void {
    this.#req.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#req
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('close', this.#onClose)
      .off('error', this.#onClose);
    callback(error);
  }

  readonly #onData = (piece: Buffer): void => {
    this.#bytes += piece.length;
    if (!this.push(piece)) this.#req.pause();
  };

  readonly #onEnd = (): void => {
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (!this.#req.complete) this.destroy(new Error('the request ended early'));
  };
}
