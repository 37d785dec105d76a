import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { type HttpResponse, ResponseReader } from './response.ts';

/** Where the requests go: an address that was judged already, or a Unix socket. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly socketPath: string };

/** What a connection tells. Of one request exactly one of `answered` and `failed` comes. */
export interface LaneListener {
  /** It is open and has nothing under way. */
  idle(lane: Lane): void;
  /** It was idle, and is no more: its connection ended. */
  gone(lane: Lane): void;
  answered(lane: Lane, response: HttpResponse): void;
  failed(lane: Lane, kind: FailureKind): void;
  /** A connection could not be made; it is tried again. */
  refused(lane: Lane): void;
}

/** Why a request has no answer. */
export type FailureKind = 'closed' | 'malformed' | 'reset' | 'timeout';

const RECONNECT_MS = 100;
const READ_BYTES = 64 * 1024;

/** One connection that is kept alive, with one request under way at a time. It is made anew whenever it ends. */
export class Lane {
  /** When the request that is under way was due, and when it left. */
  dueMs = 0;
  sentMs = 0;
  #socket: Socket | undefined;
  #reader = new ResponseReader();
  #isBusy = false;
  #isClosed = false;
  /** Whether this connection was of any use: one that was not is not made again at once. */
  #hasAnswered = false;
  #retry: NodeJS.Timeout | undefined;
  readonly #endpoint: Endpoint;
  readonly #listener: LaneListener;
  readonly #readBuffer: Buffer;

  /** @param readBuffer may be shared by lanes: it is read before the next one is read into */
  constructor(endpoint: Endpoint, listener: LaneListener, readBuffer = Buffer.allocUnsafe(READ_BYTES)) {
    this.#endpoint = endpoint;
    this.#listener = listener;
    this.#readBuffer = readBuffer;
    this.#connect();
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** INVARIANT: called only on a lane that is idle. @param request all bytes of it, each a character */
  send(request: string): void {
    this.#isBusy = true;
    this.#socket?.write(request, 'latin1');
  }

  /** Gives up the request that is under way, and its connection with it. */
  giveUp(kind: FailureKind): void {
    this.#drop(kind);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#socket?.destroy();
  }

  #connect(): void {
    const options: NetConnectOpts =
      'socketPath' in this.#endpoint ? { path: this.#endpoint.socketPath } : { ...this.#endpoint };
    const socket = connect({
      ...options,
      // One buffer for all reads: a run makes no garbage of answers it only glances at.
      onread: {
        buffer: this.#readBuffer,
        callback: (count) => {
          if (socket === this.#socket) this.#read(this.#readBuffer.subarray(0, count));
          return true;
        },
      },
    });
    let isOpen = false;
    this.#socket = socket;
    this.#hasAnswered = false;
    this.#reader = new ResponseReader();
    socket.setNoDelay(true);
    socket.once('connect', () => {
      isOpen = true;
      this.#listener.idle(this);
    });
    socket.once('end', () => this.#end(socket, isOpen, 'closed'));
    socket.on('error', () => this.#end(socket, isOpen, 'reset'));
    socket.once('close', () => this.#end(socket, isOpen, 'closed'));
  }

  #end(socket: Socket, wasOpen: boolean, kind: FailureKind): void {
    if (socket !== this.#socket) return;
    if (wasOpen) {
      this.#drop(kind);
      return;
    }
    this.#socket = undefined;
    socket.destroy();
    if (this.#isClosed) return;
    this.#listener.refused(this);
    this.#connectLater();
  }

  #connectLater(): void {
    this.#retry = setTimeout(() => this.#connect(), RECONNECT_MS);
  }

  #read(bytes: Buffer): void {
    if (!this.#isBusy) {
      this.#drop('malformed');
      return;
    }
    const result = this.#reader.push(bytes);
    if (result === 'more') return;
    if (result === 'malformed') {
      this.#drop('malformed');
      return;
    }
    this.#isBusy = false;
    this.#hasAnswered = true;
    this.#listener.answered(this, result);
    if (result.closes) this.#drop('closed');
    else this.#listener.idle(this);
  }

  #drop(kind: FailureKind): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
    if (this.#isClosed) return;
    const wasBusy = this.#isBusy;
    this.#isBusy = false;
    if (wasBusy) this.#listener.failed(this, kind);
    else this.#listener.gone(this);
    if (this.#hasAnswered) this.#connect();
    else this.#connectLater();
  }
}
