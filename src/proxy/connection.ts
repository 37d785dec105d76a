import type { Socket } from 'node:net';
import type { KnownSession } from '../session/directory.ts';
import type { TunnelTarget } from './request.ts';

/** A tunnel the agent opened with CONNECT: one session, one host and port. */
export interface Tunnel extends TunnelTarget {
  readonly session: KnownSession;
}

/** The request a connection is busy with. */
export interface InFlight {
  /** Ends what goes on with the upstream: its session was ended, for that reason. */
  cut(reason: string): void;
  /** An answer of ours is being decided or written: the connection ends after it, not before. */
  readonly answers: boolean;
  /** Nothing moved for the idle time; false where the connection has no further use. */
  idle(): boolean;
  /** Whether the whole request arrived. */
  readonly received: boolean;
  run(): Promise<void>;
}

/** Requests sent ahead of their answers on one connection. */
const MAX_PIPELINED = 32;

/** One connection of an agent, or the inside of one tunnel: requests are served one after the other. */
export class Connection {
  readonly socket: Socket;
  readonly tunnel: Tunnel | undefined;
  #current: InFlight | undefined;
  #pending = 0;
  #tail: Promise<void> = Promise.resolve();
  #closing = false;
  readonly #ended: string | undefined;
  /** A parse error was answered: the parser may report more of them. */
  failed = false;

  /** @param ended why its session was ended before it began: its first request is told so, and it closes */
  constructor(socket: Socket, tunnel?: Tunnel, ended?: string) {
    this.socket = socket;
    this.tunnel = tunnel;
    this.#ended = ended;
  }

  /** The connection ends with the current answer. */
  get closing(): boolean {
    return this.#closing;
  }

  get current(): InFlight | undefined {
    return this.#current;
  }

  /** Serves a request: at once, or after those before it. */
  serve(next: InFlight): Promise<void> {
    this.#pending += 1;
    if (this.#pending > MAX_PIPELINED) this.socket.destroy();
    this.#tail = this.#pending === 1 ? this.#run(next) : this.#runAfter(this.#tail, next);
    return this.#tail;
  }

  /** The session ended: so does this, except that an answer which is being decided or written still goes out. */
  readonly cut = (reason: string): void => {
    this.#current?.cut(reason);
    this.end();
  };

  /** Nothing more can be read from it. */
  end(): void {
    this.#closing = true;
    if (this.#current?.answers !== true) this.socket.destroy();
  }

  /** The connection was idle for as long as it may be. */
  idle(): void {
    if (this.#current === undefined || !this.#current.idle()) this.socket.destroy();
  }

  async #runAfter(previous: Promise<void>, next: InFlight): Promise<void> {
    await previous;
    await this.#run(next);
  }

  async #run(next: InFlight): Promise<void> {
    try {
      if (this.#closing || this.socket.destroyed) return;
      this.#current = next;
      if (this.#ended !== undefined) this.cut(this.#ended);
      await next.run();
    } finally {
      this.#current = undefined;
      this.#pending -= 1;
      if (this.#closing) this.socket.destroySoon();
    }
  }
}
