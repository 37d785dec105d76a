import { STATUS_CODES } from 'node:http';
import { StartFailed } from '@firma/core';
import { isLoopback } from '../config/address.ts';
import { admit, AMBIGUOUS, noRoom, ownHosts, type Peer, RequestHead, tooLong } from './admission.ts';
import { BodyCollector, BodyMemory } from './body.ts';
import { cannotListen, freePort } from './free-port.ts';
import {
  type AdapterOptions,
  type Answer,
  type Ingress,
  type IngressHandler,
  type IngressRequest,
  MAX_CONNECTIONS,
} from './port.ts';
import { TrustedPeers } from './trusted.ts';
import { listenPrivately, removeSocket } from './unix-socket.ts';
import type { UwsApp, UwsModule, UwsRequest, UwsResponse } from './uws-module.ts';

/**
 * The add-on binds either exclusively, and then not for a minute after a restart, because it leaves connections that ended
 * in the way of the next listener; or so that a process of the same user may share the port. Whether somebody else has it is
 * found out before.
 */
const SHARED_PORT = 0;

function statusLine(status: number): string {
  return status === 200 ? '200 OK' : `${status} ${STATUS_CODES[status] ?? ''}`;
}

function respond(response: UwsResponse, answer: Answer, close: boolean, withBody: boolean): void {
  response.writeStatus(statusLine(answer.status));
  response.writeHeader('content-type', answer.contentType ?? 'application/json');
  const { headers } = answer;
  if (headers !== undefined) for (const [name, value] of headers) response.writeHeader(name, value);
  // With arguments, `endWithoutBody` leaves the response open, which the add-on then ends the process for.
  if (withBody) response.end(answer.body, close);
  else response.endWithoutBody();
}

interface Shared {
  readonly handler: IngressHandler;
  readonly memory: BodyMemory;
  readonly maxConnections: number;
  readonly served: ((microseconds: number) => void) | undefined;
  /** The `Host` values that are ours. */
  own: ReadonlySet<string>;
}

/** Tells who sent a request. */
type PeerOf = (response: UwsResponse) => Peer & { readonly source: string };

/** One request whose body is being read. */
class Exchange {
  readonly #response: UwsResponse;
  readonly #shared: Shared;
  readonly #request: Omit<IngressRequest, 'body'>;
  readonly #maxBytes: number;
  readonly #body: BodyCollector;
  readonly #startedMs = performance.now();
  // INVARIANT: `response` is not touched once it was answered or aborted; the add-on ends the process for it.
  #over = false;

  constructor(
    response: UwsResponse,
    shared: Shared,
    request: Omit<IngressRequest, 'body'>,
    maxBytes: number,
  ) {
    this.#response = response;
    this.#shared = shared;
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.#body = new BodyCollector(shared.memory, maxBytes);
  }

  begin(): void {
    const response = this.#response;
    response.onAborted(() => {
      this.#over = true;
      this.#body.free();
    });
    response.onData((chunk, isLast) => this.#read(chunk, isLast));
  }

  #read(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#over) return;
    const added = this.#body.add(new Uint8Array(chunk));
    if (added === 'enough') return this.#finish(tooLong(this.#maxBytes), true);
    if (!isLast) return;
    if (this.#body.tooLong) return this.#finish(tooLong(this.#maxBytes), true);
    if (this.#body.crowded) return this.#finish(noRoom(), true);
    const { method, target, headers, isTrusted, source } = this.#request;
    const body = this.#body.bytes();
    const answer = this.#shared.handler.handle({ method, target, headers, body, isTrusted, source });
    if (answer instanceof Promise) void answer.then((later) => this.#finishLater(later));
    // The add-on has the socket corked while it hands out data.
    else this.#finish(answer, false);
  }

  #finishLater(answer: Answer): void {
    if (!this.#over) this.#response.cork(() => this.#finish(answer, false));
  }

  #finish(answer: Answer, close: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#body.free();
    const isHead = this.#request.method === 'HEAD';
    // Without a body it cannot be said to close as well.
    if (isHead && close) this.#response.close();
    else respond(this.#response, answer, close, !isHead);
    this.#shared.served?.((performance.now() - this.#startedMs) * 1000);
  }
}

/** What one listener does with its connections. */
class Listener {
  readonly #shared: Shared;
  readonly #peerOf: PeerOf;
  // One for all: it is full and read before the next request begins.
  readonly #head = new RequestHead();
  readonly #add = (name: string, value: string): void => this.#head.add(name, value);
  #connections = 0;

  constructor(shared: Shared, peerOf: PeerOf) {
    this.#shared = shared;
    this.#peerOf = peerOf;
  }

  attachTo(app: UwsApp): void {
    app.filter((response, change) => this.#connection(response, change));
    app.any('/*', (response, request) => this.#serve(response, request));
  }

  #connection(response: UwsResponse, change: number): void {
    this.#connections += Math.sign(change);
    if (change > 0 && this.#connections > this.#shared.maxConnections) response.close();
  }

  #serve(response: UwsResponse, request: UwsRequest): void {
    const head = this.#head;
    const query = request.getQuery();
    const path = request.getUrl();
    head.begin(request.getCaseSensitiveMethod(), typeof query === 'string' ? `${path}?${query}` : path);
    request.forEach(this.#add);
    const peer = this.#peerOf(response);
    const refused = admit(head, peer, this.#shared.own);
    if (refused === undefined) {
      const { method, target, headers } = head;
      const { isTrusted, source } = peer;
      const maxBytes = head.route?.maxBodyBytes ?? 0;
      const asked = { method, target, headers, isTrusted, source };
      new Exchange(response, this.#shared, asked, maxBytes).begin();
    } else if (head.hasBody && (refused === AMBIGUOUS || head.method === 'HEAD')) {
      // Answered, the add-on would go on to read what stands behind. Without a body an answer cannot close.
      response.close();
    } else if (head.method === 'HEAD') {
      respond(response, refused, false, false);
    } else {
      respond(response, refused, head.hasBody, true);
    }
  }
}

const UNIX_PEER = Object.freeze({ isUnix: true, isTrusted: true, source: 'unix' });
const LOOPBACK_PEER = Object.freeze({ isUnix: false, isTrusted: false, source: 'loopback' });

function tcpPeers(host: string, networks: readonly string[]): PeerOf {
  // Then nothing depends on which address it is.
  if (isLoopback(host) && networks.length === 0) return () => LOOPBACK_PEER;
  const trusted = new TrustedPeers(networks);
  return (response) => {
    const source = Buffer.from(response.getRemoteAddressAsText()).toString('latin1');
    return { isUnix: false, isTrusted: trusted.has(source), source };
  };
}

async function listening(
  app: UwsApp,
  uws: UwsModule,
  { isShared, listen: asked }: AdapterOptions,
): Promise<number> {
  // Who shares it has been told that it is free.
  const listen = isShared ? asked : await freePort(asked);
  return new Promise((resolve, reject) => {
    app.listen(listen.host, listen.port, SHARED_PORT, (socket) => {
      if (socket !== false) return resolve(uws.us_socket_local_port(socket));
      reject(cannotListen(listen, 'is it in use?'));
    });
  });
}

function listeningAt(app: UwsApp, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    app.listen_unix((socket) => {
      if (socket === false) reject(new StartFailed(`cannot listen on the socket \`${path}\``));
      else resolve();
    }, path);
  });
}

/**
 * Serves the decision API on uWebSockets.js. Its own time-outs end a connection that is idle or slow: about ten
 * seconds for a request to arrive.
 *
 * @throws StartFailed where an address cannot be listened on
 */
export async function startUwsIngress(uws: UwsModule, options: AdapterOptions): Promise<Ingress> {
  const {
    listen,
    socketPath,
    trusted,
    isShared,
    handler,
    served,
    maxConnections = MAX_CONNECTIONS,
  } = options;
  if (isShared && listen.port === 0) {
    throw new StartFailed('several workers need to be told which port they share');
  }
  const shared: Shared = { handler, memory: new BodyMemory(), maxConnections, served, own: new Set() };
  const tcp = uws.App();
  const apps = [tcp];
  new Listener(shared, tcpPeers(listen.host, trusted)).attachTo(tcp);
  const port = await listening(tcp, uws, options);
  shared.own = ownHosts({ host: listen.host, port });
  const close = async (): Promise<void> => {
    for (const app of apps) app.close();
    if (apps.length > 1 && socketPath !== undefined) await removeSocket(socketPath);
  };
  if (socketPath !== undefined) {
    // An app of its own: of a TCP connection that was reset the add-on knows no address either.
    const unix = uws.App();
    new Listener(shared, () => UNIX_PEER).attachTo(unix);
    try {
      await listenPrivately(socketPath, (path) => listeningAt(unix, path));
    } catch (error) {
      unix.close();
      await close();
      throw error;
    }
    apps.push(unix);
  }
  return { host: listen.host, port, adapter: 'uws', close };
}
