import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { AllowedCall } from './allowed-call.ts';
import { FailureError, NO_ROOM } from './failure.ts';
import { takePart } from './take-part.ts';

const PIECE_BYTES = 64 * 1024;

/** A body that was broken off or took too long: part of it is lost, and the call must not go out. */
export const BROKEN = Symbol('broken body');

/**
 * Reads a whole request body, for rules with facts or `refine`.
 *
 * @returns undefined where it is longer than `maxBytes`: then what was read is put back, so that the message still
 *   holds every byte; BROKEN where it ends early or takes longer than `timeoutMs`
 */
export function readBody(
  req: IncomingMessage,
  maxBytes: number,
  timeoutMs: number,
): Promise<Buffer | typeof BROKEN | undefined> {
  if (req.readableEnded || req.destroyed) return Promise.resolve(BROKEN);
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let size = 0;
    const settle = (body: Buffer | typeof BROKEN | undefined): void => {
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
    const onBroken = (): void => settle(BROKEN);
    const timer = setTimeout(onBroken, timeoutMs);
    req.on('data', onData).once('end', onEnd).once('close', onBroken).once('error', onBroken);
  });
}

/** The beginning of a request body. */
export interface BodyHead {
  readonly bytes: Buffer;
  /** The body ended with it; otherwise the message still holds every byte. */
  readonly isWhole: boolean;
}

/** Pieces after each of which the head is looked at; from then on only when it has doubled. */
const EAGER_LOOKS = 16;

/**
 * Reads the beginning of a request body, as far as `ends` asks for it.
 *
 * @param ends whether the head is complete; called with all that has come so far
 * @returns at most `maxBytes`; BROKEN where the body ends early or takes longer than `timeoutMs`
 */
export function readHead(
  req: IncomingMessage,
  maxBytes: number,
  timeoutMs: number,
  ends: (bytes: Buffer) => boolean,
): Promise<BodyHead | typeof BROKEN> {
  if (req.readableEnded || req.destroyed) return Promise.resolve(BROKEN);
  return new Promise((resolve) => {
    let pieces: Buffer[] = [];
    let size = 0;
    let looks = 0;
    let lookAt = 0;
    const joined = (): Buffer => {
      const bytes = Buffer.concat(pieces);
      pieces = [bytes];
      return bytes;
    };
    const settle = (head: BodyHead | typeof BROKEN): void => {
      clearTimeout(timer);
      req.off('data', onData).off('end', onEnd).off('close', onBroken).off('error', onBroken);
      resolve(head);
    };
    const onData = (piece: Buffer): void => {
      pieces.push(piece);
      size += piece.length;
      if (size < Math.min(lookAt, maxBytes)) return;
      looks += 1;
      if (looks > EAGER_LOOKS) lookAt = 2 * size;
      const bytes = joined();
      if (size < maxBytes && !ends(bytes)) return;
      req.pause();
      settle({ bytes: bytes.subarray(0, maxBytes), isWhole: false });
      req.unshift(bytes);
    };
    const onEnd = (): void => settle({ bytes: joined(), isWhole: true });
    const onBroken = (): void => settle(BROKEN);
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
  readonly #call: Pick<AllowedCall, 'commit' | 'take'>;
  #whole: Buffer | undefined;
  #bytes = 0;
  #isAsking = false;
  /** Nothing comes behind the piece whose room is asked for. */
  #isLast = false;
  /** The last piece had no room as a whole: the body ends with that failure once part of it has been read. */
  #isCut = false;

  /**
   * @param call committed with the first piece, which takes the head of the request along; a piece for which it has no
   *   room ends the body with that failure, behind as much of it as there is room for
   * @param whole the body, where it was read already
   */
  constructor(req: IncomingMessage, call: Pick<AllowedCall, 'commit' | 'take'>, whole?: Buffer) {
    super({ highWaterMark: PIECE_BYTES });
    this.#req = req;
    this.#call = call;
    this.#whole = whole;
    // Whoever reads this has its own listener; a body nobody reads any more must not end the process.
    this.on('error', () => undefined);
    if (whole !== undefined) return;
    req.on('data', this.#ask).on('end', this.#onEnd).on('close', this.#onClose).on('error', this.#onClose);
    req.pause();
  }

  /** Bytes passed on so far. */
  get bytes(): number {
    return this.#bytes;
  }

  override _read(): void {
    const whole = this.#whole;
    this.#whole = undefined;
    if (whole === undefined) {
      if (!this.#isAsking) this.#req.resume();
    } else {
      this.#isLast = true;
      this.#ask(whole);
    }
  }

  override read(size?: number): unknown {
    const piece: unknown = super.read(size);
    this.#endCut();
    return piece;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#req
      .off('data', this.#ask)
      .off('end', this.#onEnd)
      .off('close', this.#onClose)
      .off('error', this.#onClose);
    callback(error);
  }

  readonly #ask = (piece: Buffer): void => {
    const room = this.#call.take(piece.length);
    if (typeof room === 'boolean') {
      this.#pass(piece, room);
      return;
    }
    // Meanwhile no other piece may come, though the end does.
    this.#wait();
    room.then(
      (granted) => this.#pass(piece, granted),
      () => this.#pass(piece, false),
    );
  };

  #wait(): void {
    this.#isAsking = true;
    this.#req.pause();
  }

  #pass(piece: Buffer, hasRoom: boolean): void {
    this.#isAsking = false;
    if (this.destroyed) return;
    if (!hasRoom) {
      // Of a call that has not begun no part is sent: it is refused, and costs nothing.
      if (this.#bytes === 0) this.destroy(new FailureError(NO_ROOM));
      else void this.#cutWithin(piece);
      return;
    }
    const wantsMore = this.#push(piece);
    if (this.#isLast) this.push(null);
    else if (!wantsMore) this.#req.pause();
  }

  /** @returns false where it is not read as fast as it comes */
  #push(piece: Buffer): boolean {
    this.#call.commit();
    this.#bytes += piece.length;
    return this.push(piece);
  }

  async #cutWithin(piece: Buffer): Promise<void> {
    this.#wait();
    const fits = await takePart(this.#call, piece.length).catch(() => 0);
    if (this.destroyed) return;
    this.#isCut = true;
    if (fits > 0) this.#push(piece.subarray(0, fits));
    this.#endCut();
  }

  /** Destroying drops what was not read. */
  #endCut(): void {
    if (this.#isCut && this.readableLength === 0) this.destroy(new FailureError(NO_ROOM));
  }

  readonly #onEnd = (): void => {
    if (this.#isAsking) {
      this.#isLast = true;
      return;
    }
    // A body without a byte: the head goes alone.
    this.#call.commit();
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (!this.#req.complete) this.destroy(new Error('the request ended early'));
  };
}
