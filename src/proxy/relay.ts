import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { AllowedCall } from './allowed-call.ts';
import type { RequestBody } from './body.ts';
import { type Failure, NO_ROOM, upstreamFailure } from './failure.ts';
import { returnedHeaders } from './headers.ts';
import type { HeldBack } from './held-back.ts';
import { takePart } from './take-part.ts';

const STOPPED = new Error('the call was stopped');

/**
 * Ends the exchange with the upstream. undici makes an error of its own for it, whose stack nobody reads and which takes
 * longer than all the rest where a session's end stops a thousand calls.
 */
function abortQuietly(controller: Dispatcher.DispatchController): void {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    controller.abort(STOPPED);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

interface Head {
  readonly status: number;
  readonly headers: string[];
}

/**
 * Passes one upstream's response on to the agent as it arrives; the agent's pace holds the upstream back.
 *
 * `done` is called once: without a failure where the response came through whole.
 */
export class Relay implements Dispatcher.DispatchHandler {
  readonly #call: AllowedCall;
  readonly #res: ServerResponse;
  readonly #body: RequestBody | undefined;
  readonly #host: string;
  readonly #heldBack: HeldBack;
  readonly #done: (failure: Failure | undefined) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;
  /** A piece had no room: part of it is on its way to the agent, and nothing comes behind it. */
  #isCut = false;
  #bodyBegun = false;
  /** Written with the first bytes of the body: until then the call can still be answered with a denial. */
  #head: Head | undefined;
  /** Pieces behind one whose room is being asked for; undefined where none is. */
  #waiting: Buffer[] | undefined;
  /** The response came to its end behind such a piece. */
  #endWaits = false;

  constructor(
    call: AllowedCall,
    res: ServerResponse,
    body: RequestBody | undefined,
    heldBack: HeldBack,
    done: (failure: Failure | undefined) => void,
  ) {
    this.#call = call;
    this.#res = res;
    this.#body = body;
    this.#host = call.decision.target?.host ?? '';
    this.#heldBack = heldBack;
    this.#done = done;
    res.on('drain', this.#drained);
  }

  /** Gives the call up, whatever state it is in. */
  stop(failure: Failure | undefined): void {
    this.#end(failure);
    this.#stopUpstream();
  }

  /** Called right before the request is written to a connected socket. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(STOPPED);
    // Where a body is streamed, the head waits for its first piece.
    else if (this.#body === undefined) this.#call.commit();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // 1xx: about the connection to the upstream, or a hint that may be dropped.
    if (this.#over || status < 200) return;
    this.#call.status = status;
    const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders : [];
    this.#head = { status, headers: returnedHeaders(raw) };
    // The head goes out with the first piece where one is there already, and alone where the upstream takes its time.
    process.nextTick(() => {
      if (this.#over || this.#bodyBegun) return;
      if (this.#writeHead()) this.#res.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    // An empty piece would pause a parser that nothing drains.
    if (this.#over || this.#isCut || piece.length === 0) return;
    this.#bodyBegun = true;
    if (this.#waiting !== undefined) {
      this.#waiting.push(piece);
      this.#hold(controller);
      return;
    }
    const room = this.#call.take(piece.length);
    if (typeof room !== 'boolean') {
      this.#waiting = [];
      this.#hold(controller);
      void this.#passLater(controller, piece, room);
    } else if (!room) void this.#cutWithin(piece);
    else if (!this.#pass(piece)) this.#hold(controller);
  }

  onResponseEnd(): void {
    if (this.#over || this.#isCut) return;
    if (this.#waiting === undefined) this.#complete();
    else this.#endWaits = true;
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (!this.#isCut) this.#end(upstreamFailure(error, this.#host));
  }

  /** Passes on as much of a piece as there is room for, and cuts the call once that has left. */
  async #cutWithin(piece: Buffer): Promise<void> {
    if (this.#over) return;
    this.#isCut = true;
    this.#stopUpstream();
    const fits = await takePart(this.#call, piece.length).catch(() => 0);
    if (this.#over) return;
    if (fits === 0) this.stop(NO_ROOM);
    else if (this.#writeHead()) {
      this.#call.bytesReceived += fits;
      this.#res.write(piece.subarray(0, fits), () => this.stop(NO_ROOM));
    }
  }

  /** @returns false where the agent reads slower than this comes */
  #pass(piece: Buffer): boolean {
    if (!this.#writeHead()) return true;
    this.#call.bytesReceived += piece.length;
    return this.#res.write(piece);
  }

  /** Passes a piece on once there is room for it, and those that came behind it. */
  async #passLater(
    controller: Dispatcher.DispatchController,
    first: Buffer,
    asked: Promise<boolean>,
  ): Promise<void> {
    let piece: Buffer | undefined = first;
    let room: boolean | Promise<boolean> = asked;
    let isRead = true;
    while (piece !== undefined) {
      const granted: boolean = typeof room === 'boolean' ? room : await room.catch(() => false);
      if (this.#over) return;
      if (!granted) {
        await this.#cutWithin(piece);
        return;
      }
      isRead = this.#pass(piece);
      piece = this.#waiting?.shift();
      if (piece !== undefined) room = this.#call.take(piece.length);
    }
    this.#waiting = undefined;
    if (this.#endWaits) this.#complete();
    else if (isRead) this.#resume();
    else this.#hold(controller);
  }

  /** @returns false where the call is over: what undici's parser took for a head, Node's does not write */
  #writeHead(): boolean {
    if (this.#head === undefined) return !this.#over;
    const { status, headers } = this.#head;
    this.#head = undefined;
    this.#res.sendDate = false;
    try {
      this.#res.writeHead(status, headers);
    } catch (error) {
      this.stop(upstreamFailure(error, this.#host));
    }
    return !this.#over;
  }

  #complete(): void {
    if (!this.#writeHead()) return;
    this.#res.end();
    this.#end(undefined);
  }

  #stopUpstream(): void {
    const controller = this.#controller;
    this.#controller = undefined;
    if (controller !== undefined) abortQuietly(controller);
  }

  #hold(controller: Dispatcher.DispatchController): void {
    controller.pause();
    this.#heldBack.add(this.#resume);
  }

  readonly #resume = (): void => {
    this.#heldBack.delete(this.#resume);
    this.#controller?.resume();
  };

  readonly #drained = (): void => {
    if (this.#waiting === undefined) this.#resume();
  };

  #end(failure: Failure | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#heldBack.delete(this.#resume);
    if (this.#body !== undefined) {
      this.#call.bytesSent = this.#body.bytes;
      this.#body.destroy();
    }
    this.#done(failure);
  }
}
