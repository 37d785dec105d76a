import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { AllowedCall } from './allowed-call.ts';
import type { RequestBody } from './body.ts';
import { type Failure, upstreamFailure } from './failure.ts';
import { returnedHeaders } from './headers.ts';
import type { HeldBack } from './held-back.ts';

const STOPPED = new Error('the call was stopped');

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
  #bodyBegun = false;

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
    res.on('drain', this.#resume);
  }

  /** Gives the call up, whatever state it is in. */
  stop(failure: Failure | undefined): void {
    this.#end(failure);
    this.#controller?.abort(STOPPED);
  }

  /** Called right before the request is written to a connected socket. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(STOPPED);
    else this.#call.commit();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    // 1xx: about the connection to the upstream, or a hint that may be dropped.
    if (this.#over || status < 200) return;
    this.#call.status = status;
    const raw = Array.isArray(controller.rawHeaders) ? controller.rawHeaders : [];
    this.#res.sendDate = false;
    this.#res.writeHead(status, returnedHeaders(raw));
    // The head goes out with the first piece where one is there already, and alone where the upstream takes its time.
    process.nextTick(() => {
      if (!this.#over && !this.#bodyBegun) this.#res.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    // An empty piece would pause a parser that nothing drains.
    if (this.#over || piece.length === 0) return;
    this.#bodyBegun = true;
    this.#call.bytesReceived += piece.length;
    if (this.#res.write(piece)) return;
    controller.pause();
    this.#heldBack.add(this.#resume);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#res.end();
    this.#end(undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#end(upstreamFailure(error, this.#host));
  }

  readonly #resume = (): void => {
    this.#heldBack.delete(this.#resume);
    this.#controller?.resume();
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
