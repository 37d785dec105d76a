import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { StartFailed } from '@firma/core';
import { errorCode } from '../config/private-file.ts';
import {
  admit,
  headersTooLong,
  noRoom,
  ownHosts,
  type Peer,
  RequestHead,
  tooLong,
  wrongVersion,
} from './admission.ts';
import { BodyCollector, BodyMemory } from './body.ts';
import { cannotListen } from './free-port.ts';
import {
  type AdapterOptions,
  type Answer,
  badRequest,
  errorAnswer,
  type Ingress,
  type IngressHandler,
  MAX_CONNECTIONS,
  MAX_HEAD_BYTES,
} from './port.ts';
import { TrustedPeers } from './trusted.ts';
import { listenPrivately, removeSocket } from './unix-socket.ts';

// The other adapter's, which are built in.
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MS = 1_000;
const NO_BODY = new Uint8Array(0);

function respond(response: ServerResponse, answer: Answer, close: boolean): void {
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers ?? []) response.setHeader(name, value);
  if (close) response.setHeader('connection', 'close');
  response.setHeader('content-type', answer.contentType ?? 'application/json');
  response.setHeader('content-length', Buffer.byteLength(answer.body));
  response.end(answer.body);
}

/** A connection, as long as it is open. */
interface Connection extends Peer {
  readonly source: string;
  /** A request is under way, or the last answer is. */
  busy: boolean;
}

class NodeAdapter {
  readonly #handler: IngressHandler;
  readonly #served: AdapterOptions['served'];
  readonly #memory = new BodyMemory();
  readonly #trusted: TrustedPeers;
  readonly #connections = new WeakMap<Duplex, Connection>();
  #opened = 0;
  own: ReadonlySet<string> = new Set();

  constructor({ handler, served, trusted }: AdapterOptions) {
    this.#handler = handler;
    this.#served = served;
    this.#trusted = new TrustedPeers(trusted);
  }

  serve(request: IncomingMessage, response: ServerResponse, isUnix: boolean): void {
    const { socket } = request;
    const connection = this.#connectionOf(socket, isUnix);
    // A request sent before the answer to the one before it: answers could be mixed up, so neither is given.
    if (connection.busy) {
      socket.destroy();
      return;
    }
    if (request.httpVersion !== '1.1') {
      this.#end(connection, response, wrongVersion());
      return;
    }
    const head = new RequestHead();
    const { rawHeaders } = request;
    head.begin(request.method ?? '', request.url ?? '');
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      head.add((rawHeaders[i] ?? '').toLowerCase(), rawHeaders[i + 1] ?? '');
    }
    const refused = admit(head, connection, this.own);
    if (refused !== undefined) {
      if (head.hasBody) this.#end(connection, response, refused);
      else respond(response, refused, false);
    } else if (head.hasBody) {
      this.#collect(head, connection, request, response);
    } else {
      this.#handle(head, connection, NO_BODY, (answer) => respond(response, answer, false));
    }
  }

  /** The last answer of a connection: whatever else comes on it is not answered. */
  #end(connection: Connection, response: ServerResponse, answer: Answer): void {
    connection.busy = true;
    respond(response, answer, true);
  }

  /** Whether an answer to somebody on this connection is under way. */
  isBusy(socket: Duplex): boolean {
    return this.#connections.get(socket)?.busy === true;
  }

  #connectionOf(socket: Socket, isUnix: boolean): Connection {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    const isTrusted = isUnix || this.#trusted.has(socket.remoteAddress ?? '');
    this.#opened += 1;
    const connection = { isUnix, isTrusted, source: `connection ${this.#opened}`, busy: false };
    this.#connections.set(socket, connection);
    return connection;
  }

  #collect(
    head: RequestHead,
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const maxBytes = head.route?.maxBodyBytes ?? 0;
    const body = new BodyCollector(this.#memory, maxBytes);
    connection.busy = true;
    const refuse = (answer: Answer): void => {
      body.free();
      this.#end(connection, response, answer);
    };
    request.on('data', (chunk: Buffer) => {
      if (body.add(chunk) !== 'enough') return;
      request.removeAllListeners('data').pause();
      refuse(tooLong(maxBytes));
    });
    // Gone in the middle of its body.
    request.on('close', () => request.complete || body.free());
    request.on('end', () => {
      if (body.tooLong) return refuse(tooLong(maxBytes));
      if (body.crowded) return refuse(noRoom());
      this.#handle(head, connection, body.bytes(), (answer) => {
        body.free();
        respond(response, answer, false);
      });
    });
  }

  #handle(
    { method, target, headers }: RequestHead,
    connection: Connection,
    body: Uint8Array,
    finish: (answer: Answer) => void,
  ): void {
    const { isTrusted, source } = connection;
    connection.busy = true;
    const startedMs = performance.now();
    const answered = (answer: Answer): void => {
      connection.busy = false;
      finish(answer);
      this.#served?.((performance.now() - startedMs) * 1000);
    };
    const answer = this.#handler.handle({ method, target, headers, body, isTrusted, source });
    if (answer instanceof Promise) void answer.then(answered);
    else answered(answer);
  }
}

/** For what the parser refuses: the answer, where none is under way that it could be taken for. */
function refuseUnparsed(error: Error, socket: Duplex, busy: boolean): void {
  if (busy || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, body } = unparsed(errorCode(error));
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nconnection: close\r\ncontent-type: application/json`;
  socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function unparsed(code: string | undefined): Answer {
  if (code === 'HPE_HEADER_OVERFLOW') return headersTooLong();
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return errorAnswer(408, 'REQUEST_TIMEOUT', 'the request did not arrive in time');
  }
  return badRequest('the request is no HTTP/1.1');
}

function listening(server: Server, listen: AdapterOptions['listen']): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(cannotListen(listen, 'code' in error ? String(error.code) : error.message));
    });
    server.listen(listen.port, listen.host, () => {
      const address = server.address() as AddressInfo;
      resolve(address.port);
    });
  });
}

function listeningAt(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

function closed(server: Server): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  return ended;
}

/**
 * Serves the decision API on node:http.
 *
 * @param requestTimeoutMs a request that has not arrived whole by then ends its connection
 * @throws StartFailed where an address cannot be listened on, or the port is to be shared: that needs `SO_REUSEPORT`,
 *   which node:http sets only from Node 22.12 on
 */
export async function startNodeIngress(
  options: AdapterOptions,
  requestTimeoutMs = REQUEST_TIMEOUT_MS,
): Promise<Ingress> {
  const { isShared, listen, socketPath } = options;
  if (isShared) {
    throw new StartFailed(
      'node:http cannot share a port among `workers`; set `placement = "pool"`, `workers = 1`, or `adapter = "uws"`',
    );
  }
  const adapter = new NodeAdapter(options);
  const serving = (isUnix: boolean): Server => {
    const server = createServer(
      {
        requestTimeout: requestTimeoutMs,
        headersTimeout: requestTimeoutMs,
        keepAliveTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        maxHeaderSize: MAX_HEAD_BYTES,
      },
      (request, response) => adapter.serve(request, response, isUnix),
    );
    // Node drops what is beyond its own bound without a word; the head's length is bound enough.
    server.maxHeadersCount = 0;
    server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
    server.on('clientError', (error, socket) => refuseUnparsed(error, socket, adapter.isBusy(socket)));
    return server;
  };
  const tcp = serving(false);
  const servers = [tcp];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(closed));
    if (servers.length > 1 && socketPath !== undefined) await removeSocket(socketPath);
  };
  const port = await listening(tcp, listen);
  adapter.own = ownHosts({ host: listen.host, port });
  if (socketPath !== undefined) {
    const unix = serving(true);
    try {
      await listenPrivately(socketPath, (path) => listeningAt(unix, path));
    } catch (error) {
      await close();
      unix.close();
      throw error;
    }
    servers.push(unix);
  }
  return { host: listen.host, port, adapter: 'node', close };
}
