import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import {
  type Answer,
  answerDenial,
  answerUnauthenticated,
  type Asker,
  denialOf,
  lastResponse,
} from './answer.ts';
import { Connection } from './connection.ts';
import { callerOf, Exchange, type ExchangeParts } from './exchange.ts';
import type { KnownSession } from '../session/directory.ts';
import { errorCode } from './failure.ts';
import { readHostPort } from './host-port.ts';
import type { LeafCache } from './leaf.ts';
import { openTunnel, type TunnelParts } from './tunnel.ts';

export interface ServerParts extends ExchangeParts {
  readonly leaves: LeafCache;
  /** A connection without a byte in either direction is closed after this. */
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
}

const LINGER_MS = 2000;
const NOBODY: Asker = { accept: undefined, userAgent: undefined };

/** Answers on a socket that no parser serves any more, and ends it. */
function endWith(socket: Duplex, answer: Answer): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.on('error', () => socket.destroy());
  socket.end(lastResponse(answer), () => {
    // Reading on until the peer closes: bytes left unread would reset the connection, and the answer with it.
    socket.resume();
    socket.once('end', () => socket.destroy());
  });
}

function emptyAnswer(status: number): Answer {
  return { status, headers: { 'content-length': '0' }, body: '' };
}

function statusOfParseError(code: string): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW' ? 413 : 400;
}

/** The proxy's HTTP side: one server for what arrives from outside and for what is inside tunnels. */
export class ProxyServer {
  readonly server: Server;
  readonly #parts: ServerParts;
  readonly #connections = new WeakMap<object, Connection>();
  readonly #accepted = new Set<Socket>();
  /** Exchanges and refusals that are not over. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: ServerParts) {
    const { limits } = parts;
    this.#parts = parts;
    this.server = createServer({
      insecureHTTPParser: false,
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersMs),
      // A body takes as long as it takes while bytes move: the idle timer is the limit.
      requestTimeout: 0,
      keepAliveTimeout: parts.idleTimeoutMs,
      // Its absence is refused by us, so that it is recorded.
      requireHostHeader: false,
    });
    this.server.maxConnections = parts.maxConnections;
    this.server.timeout = parts.idleTimeoutMs;
    // The head is bounded in bytes; a bound in fields would drop the rest silently.
    this.server.maxHeadersCount = 0;
    this.#listen();
  }

  /** Connections accepted and not closed; a tunnel and what is inside it are one. */
  get openConnections(): number {
    return this.#accepted.size;
  }

  /** Ends every connection. @returns once what was under way has written its outcome, at most after `timeoutMs` */
  async close(timeoutMs: number): Promise<void> {
    this.server.close();
    const closed = [...this.#accepted].map((socket) => once(socket.destroy(), 'close'));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([Promise.allSettled([...closed, ...this.#underWay]), late]);
    clearTimeout(timer);
  }

  #listen(): void {
    const { server } = this;
    server.on('connection', (socket) => {
      if (this.#connections.has(socket)) return;
      this.#connections.set(socket, new Connection(socket));
      this.#accepted.add(socket);
      socket.once('close', () => this.#accepted.delete(socket));
    });
    server.on('request', (req, res) => {
      this.#track(req.socket, this.#serve(req, res, false));
    });
    server.on('checkContinue', (req, res) => {
      this.#track(req.socket, this.#serve(req, res, true));
    });
    server.on('connect', (req, socket, head) => {
      this.#track(socket, this.#connect(req, socket, head));
    });
    server.on('clientError', (error, socket) => {
      this.#track(socket, this.#parseError(error, socket));
    });
    server.on('timeout', (socket) => {
      const connection = this.#connections.get(socket);
      if (connection === undefined) socket.destroy();
      else connection.idle();
    });
  }

  /** Keeps work until it is over. Ours never fails; if it does, the connection it was for goes, and nothing else. */
  #track(socket: Duplex, work: Promise<void>): void {
    const tracked = work.catch(() => void socket.destroy()).finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }

  async #serve(req: IncomingMessage, res: ServerResponse, awaitsContinue: boolean): Promise<void> {
    const connection = this.#connections.get(req.socket);
    if (connection === undefined) req.socket.destroy();
    else await connection.serve(new Exchange(this.#parts, connection, req, res, awaitsContinue));
  }

  async #connect(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const { enforcer, sessions } = this.#parts;
    const connection = this.#connections.get(socket);
    // Sent ahead of an answer that is still to be written: two answers would mix.
    if (connection === undefined || connection.current !== undefined || !(socket instanceof Socket)) {
      socket.destroy();
      return;
    }
    const { tunnel } = connection;
    const asker: Asker = { accept: req.headers.accept, userAgent: req.headers['user-agent'] };
    const session = tunnel?.session ?? sessions.authenticate(req.headers['proxy-authorization']);
    if (session === undefined) {
      enforcer.unauthenticated();
      endWith(socket, answerUnauthenticated(asker));
      return;
    }
    const text = req.url ?? '';
    const target = readHostPort(text);
    if (target === undefined || tunnel !== undefined) {
      const detail =
        tunnel === undefined ? 'the target of CONNECT is no host:port' : 'a tunnel inside a tunnel';
      await this.#refuse(socket, detail, session, asker);
      return;
    }
    socket.setTimeout(0);
    if (head.length > 0) socket.unshift(head);
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    await openTunnel(this.#tunnelParts(), socket, { ...target, text, session });
  }

  #tunnelParts(): TunnelParts {
    const { enforcer, leaves, limits } = this.#parts;
    return { enforcer, leaves, limits, server: this.server, connections: this.#connections };
  }

  async #parseError(error: Error, socket: Duplex): Promise<void> {
    const connection = this.#connections.get(socket);
    const code = errorCode(error) ?? '';
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      // No request, or not all of its head: clients open connections ahead of need, so there is nothing to decide.
      endWith(socket, emptyAnswer(408));
      return;
    }
    if (connection === undefined || connection.failed || !code.startsWith('HPE_')) {
      socket.destroy();
      return;
    }
    connection.failed = true;
    if (connection.current?.received === false) {
      // Its body broke off: that call has its own record and, where it got that far, its own answer.
      connection.end();
      return;
    }
    const status = statusOfParseError(code);
    const session = connection.tunnel?.session;
    if (session === undefined) {
      this.#parts.enforcer.unauthenticated();
      endWith(socket, emptyAnswer(status));
      return;
    }
    const detail =
      status === 431 ? 'the head of the request is too large' : `the request cannot be read (${code})`;
    await this.#refuse(socket, detail, session, NOBODY, status);
  }

  async #refuse(
    socket: Duplex,
    detail: string,
    session: KnownSession,
    asker: Asker,
    status?: number,
  ): Promise<void> {
    const decision = await this.#parts.enforcer.refuse(detail, callerOf(session), 'proxy');
    endWith(socket, answerDenial(denialOf(decision), asker, status));
  }
}
