import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { StartFailed } from '@firma/core';
import { ensurePrivateDir, errorCode } from '../config/private-file.ts';
import {
  type OpenedSession,
  openedSessionBody,
  type OpenSessionRequest,
  parseOpenSession,
} from './control-messages.ts';
import { toWireError } from './wire-error.ts';

/** What the control socket is for. A `FirmaError` thrown here is told to the caller. */
export interface ControlHandlers {
  openSession(request: OpenSessionRequest): Promise<OpenedSession>;
  closeSession(user: string): void;
  /** Whether the policies were others before. */
  reloadPolicies(): Promise<boolean>;
  /** Plain data. */
  status(): object;
}

/** A control socket that listens. */
export interface Control {
  readonly path: string;
  close(): Promise<void>;
}

// `sun_path` less its terminating NUL (unix(7)); other systems have less.
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;
const MAX_BODY_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 64;
const REQUEST_TIMEOUT_MS = 10_000;
const SESSION_PATH = /^\/v1\/sessions\/([A-Za-z0-9_-]{1,64})$/;

const STATUS: ReadonlyMap<string, number> = new Map([
  ['CONFIG_INVALID', 400],
  ['CONFIG_UNTRUSTED', 400],
  ['ISSUANCE_DENIED', 403],
  ['POLICY_INVALID', 400],
  ['USAGE', 400],
]);

interface Reply {
  readonly status: number;
  readonly body: unknown;
}

function usage(status: number, message: string): Reply {
  return { status, body: { error: { code: 'USAGE', message } } };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function openSession(request: IncomingMessage, handlers: ControlHandlers): Promise<Reply> {
  const text = await readBody(request);
  if (text === undefined) return usage(413, `the body is longer than ${MAX_BODY_BYTES} bytes`);
  const asked = parseOpenSession(parseJson(text));
  if ('invalid' in asked) return usage(400, asked.invalid);
  return { status: 200, body: openedSessionBody(await handlers.openSession(asked)) };
}

async function reply(request: IncomingMessage, handlers: ControlHandlers): Promise<Reply> {
  const { method, url = '' } = request;
  if (url === '/v1/status') {
    return method === 'GET'
      ? { status: 200, body: handlers.status() }
      : usage(405, 'only GET is answered here');
  }
  if (url === '/v1/sessions') {
    return method === 'POST' ? openSession(request, handlers) : usage(405, 'only POST is answered here');
  }
  if (url === '/v1/policies/reload') {
    return method === 'POST'
      ? { status: 200, body: { changed: await handlers.reloadPolicies() } }
      : usage(405, 'only POST is answered here');
  }
  const user = SESSION_PATH.exec(url)?.[1];
  if (user === undefined)
    return usage(404, 'there is `/v1/sessions`, `/v1/policies/reload` and `/v1/status`');
  if (method !== 'DELETE') return usage(405, 'only DELETE is answered here');
  handlers.closeSession(user);
  return { status: 200, body: {} };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: ControlHandlers,
): Promise<void> {
  let status: number;
  let body: string;
  try {
    const answer = await reply(request, handlers);
    status = answer.status;
    body = JSON.stringify(answer.body);
  } catch (error) {
    const wire = toWireError(error);
    status = STATUS.get(wire.code) ?? 500;
    body = JSON.stringify({ error: wire });
  }
  // What is left of a body that was not read is not read as the next request.
  if (!request.readableEnded) response.setHeader('connection', 'close');
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const code = errorCode(error) ?? 'unknown error';
      reject(new StartFailed(`cannot listen on the control socket \`${path}\` (${code})`));
    });
    server.listen(path, resolve);
  });
}

/**
 * Listens on the control socket: a Unix socket of mode 0600 in a directory that is its owner's alone, HTTP/1.1 and
 * JSON. `POST /v1/sessions`, `DELETE /v1/sessions/<user>`, `POST /v1/policies/reload`, `GET /v1/status`.
 *
 * @throws StartFailed where the path is too long for a socket or cannot be listened on, StateUnusable where others can
 *   get at its directory
 */
export async function startControl(options: {
  readonly path: string;
  readonly handlers: ControlHandlers;
}): Promise<Control> {
  const { path, handlers } = options;
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new StartFailed(
      `\`${path}\` is longer than the ${MAX_PATH_BYTES} bytes a socket may have; choose a shorter state directory`,
    );
  }
  await ensurePrivateDir(dirname(path));
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => void serve(request, response, handlers),
  );
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, path);
  await chmod(path, 0o600);
  return {
    path,
    close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      return closed;
    },
  };
}
