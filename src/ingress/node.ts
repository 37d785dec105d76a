import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { StartFailed } from '@firma/core';
import { formatHostPort } from '../config/address.ts';
import { admit, hasBody, ownHosts, readHead, tooLong, wrongVersion } from './admission.ts';
import { BodyCollector } from './body.ts';
import {
  type AdapterOptions,
  type Answer,
  type Ingress,
  type IngressHandler,
  MAX_CONNECTIONS,
  MAX_HEAD_BYTES,
} from './port.ts';

// The other adapter's, which are built in.
const REQUEST_TIMEOUT_MS = 10_000;
const CHECK_INTERVAL_MS = 1_000;

function respond(response: ServerResponse, answer: Answer, close: boolean): void {
  if (answer.allow !== undefined) response.setHeader('allow', answer.allow);
  if (answer.status === 503) response.setHeader('retry-after', '1');
  if (close) response.setHeader('connection', 'close');
  response.statusCode = answer.status;
  response.setHeader('content-type', 'application/json');
  response.setHeader('content-length', Buffer.byteLength(answer.body));
  response.end(answer.body);
}

class NodeAdapter {
  readonly #handler: IngressHandler;
  /** Connections with a decision under way. */
  readonly #busy = new WeakSet<Socket>();
  own: ReadonlySet<string> = new Set();

  constructor(handler: IngressHandler) {
    this.#handler = handler;
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    // A request sent before the answer to the one before it: answers could be mixed up, so neither is given.
    if (this.#busy.has(socket)) {
      socket.destroy();
      return;
    }
    if (request.httpVersion !== '1.1') {
      respond(response, wrongVersion(), true);
      return;
    }
    const head = readHead(request.method ?? '', request.url ?? '', request.rawHeaders);
    const admission = admit(head, this.own);
    if (admission === 'decide') this.#decide(request, response);
    else respond(response, admission, hasBody(head));
  }

  #decide(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const body = new BodyCollector();
    this.#busy.add(socket);
    const finish = (answer: Answer, close: boolean): void => {
      this.#busy.delete(socket);
      respond(response, answer, close);
    };
    request.on('data', (chunk: Buffer) => {
      if (body.add(chunk)) return;
      request.removeAllListeners('data').pause();
      finish(tooLong(), true);
    });
    request.on('end', () => {
      if (body.tooLong) finish(tooLong(), true);
      else void this.#handler.decide(body.bytes()).then((answer) => finish(answer, false));
    });
  }
}

function listening(server: Server, listen: AdapterOptions['listen']): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const code = 'code' in error ? String(error.code) : error.message;
      reject(
        new StartFailed(
          `cannot listen on \`${formatHostPort(listen)}\` (${code}); choose another \`listen\` for the ingress`,
        ),
      );
    });
    server.listen(listen.port, listen.host, () => {
      const address = server.address() as AddressInfo;
      resolve(address.port);
    });
  });
}

/**
 * Serves the decision API on node:http.
 *
 * @param requestTimeoutMs a request that has not arrived whole by then ends its connection
 * @throws StartFailed where the address cannot be listened on
 */
export async function startNodeIngress(
  { listen, handler }: AdapterOptions,
  requestTimeoutMs = REQUEST_TIMEOUT_MS,
): Promise<Ingress> {
  const adapter = new NodeAdapter(handler);
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      keepAliveTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      maxHeaderSize: MAX_HEAD_BYTES,
    },
    (request, response) => adapter.serve(request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  const port = await listening(server, listen);
  adapter.own = ownHosts({ host: listen.host, port });
  return {
    host: listen.host,
    port,
    adapter: 'node',
    close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      return closed;
    },
  };
}
