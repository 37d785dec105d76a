import { STATUS_CODES } from 'node:http';
import { StartFailed } from '@firma/core';
import { formatHostPort } from '../config/address.ts';
import { admit, hasBody, ownHosts, readHead, tooLong } from './admission.ts';
import { BodyCollector } from './body.ts';
import {
  type AdapterOptions,
  type Answer,
  type Ingress,
  type IngressHandler,
  MAX_CONNECTIONS,
} from './port.ts';
import type { UwsApp, UwsModule, UwsRequest, UwsResponse } from './uws-module.ts';

/** Without it the kernel would let a second process share the port. */
const EXCLUSIVE_PORT = 1;

function respond(response: UwsResponse, answer: Answer, close: boolean, withBody = true): void {
  response.writeStatus(`${answer.status} ${STATUS_CODES[answer.status] ?? ''}`);
  response.writeHeader('content-type', 'application/json');
  if (answer.allow !== undefined) response.writeHeader('allow', answer.allow);
  if (answer.status === 503) response.writeHeader('retry-after', '1');
  // With arguments, `endWithoutBody` leaves the response open, which the add-on then ends the process for.
  if (withBody) response.end(answer.body, close);
  else response.endWithoutBody();
}

class UwsAdapter {
  readonly #handler: IngressHandler;
  #connections = 0;
  own: ReadonlySet<string> = new Set();

  constructor(handler: IngressHandler) {
    this.#handler = handler;
  }

  connection(response: UwsResponse, change: number): void {
    this.#connections += Math.sign(change);
    if (change > 0 && this.#connections > MAX_CONNECTIONS) response.close();
  }

  serve(response: UwsResponse, request: UwsRequest): void {
    const headers: string[] = [];
    request.forEach((name, value) => headers.push(name, value));
    const head = readHead(request.getCaseSensitiveMethod(), request.getUrl(), headers);
    const admission = admit(head, this.own);
    if (admission === 'decide') {
      this.#decide(response);
    } else {
      const isHead = head.method === 'HEAD';
      if (isHead && hasBody(head)) response.close();
      else respond(response, admission, hasBody(head), !isHead);
    }
  }

  #decide(response: UwsResponse): void {
    const body = new BodyCollector();
    let over = false;
    // INVARIANT: `response` is not touched once it was answered or aborted; the add-on ends the process for it.
    const finish = (answer: Answer, close: boolean): void => {
      if (over) return;
      over = true;
      response.cork(() => respond(response, answer, close));
    };
    response.onAborted(() => {
      over = true;
    });
    response.onData((chunk, isLast) => {
      if (over) return;
      if (!body.add(new Uint8Array(chunk))) finish(tooLong(), true);
      else if (isLast && body.tooLong) finish(tooLong(), true);
      else if (isLast) void this.#handler.decide(body.bytes()).then((answer) => finish(answer, false));
    });
  }
}

function listening(app: UwsApp, uws: UwsModule, listen: AdapterOptions['listen']): Promise<number> {
  return new Promise((resolve, reject) => {
    app.listen(listen.host, listen.port, EXCLUSIVE_PORT, (socket) => {
      if (socket !== false) return resolve(uws.us_socket_local_port(socket));
      const at = formatHostPort(listen);
      reject(
        new StartFailed(
          `cannot listen on \`${at}\`, is it in use? choose another \`listen\` for the ingress`,
        ),
      );
    });
  });
}

/**
 * Serves the decision API on uWebSockets.js. Its own time-outs end a connection that is idle or slow: about ten
 * seconds for a request to arrive.
 *
 * @throws StartFailed where the address cannot be listened on
 */
export async function startUwsIngress(uws: UwsModule, { listen, handler }: AdapterOptions): Promise<Ingress> {
  const adapter = new UwsAdapter(handler);
  const app = uws.App();
  app.filter((response, change) => adapter.connection(response, change));
  app.any('/*', (response, request) => adapter.serve(response, request));
  const port = await listening(app, uws, listen);
  adapter.own = ownHosts({ host: listen.host, port });
  return {
    host: listen.host,
    port,
    adapter: 'uws',
    async close() {
      app.close();
    },
  };
}
