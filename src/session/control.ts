import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { StartFailed } from '@firma/core';
import { ensurePrivateDir, errorCode } from '../config/private-file.ts';
import {
  type AbortedSession,
  type AbortRequest,
  type OpenedSession,
  openedSessionBody,
  type OpenSessionRequest,
  parseAbortSession,
  parseListQuery,
  parseOpenSession,
  SESSION_UNKNOWN,
  type SessionPage,
  sessionPageBody,
} from './control-messages.ts';
import type { SessionDetailView } from './session-view.ts';
import { toWireError } from './wire-error.ts';

/** What the control socket is for. A `FirmaError` thrown here is told to the caller. */
export interface ControlHandlers {
  openSession(request: OpenSessionRequest): Promise<OpenedSession>;
  closeSession(user: string): void;
  /** Sessions with their counters, at most `limit`: those behind the page whose `next` is `after`, or from the first. */
  listSessions(limit: number, after: number | undefined): SessionPage;
  /** Undefined where no session of that id is known. */
  showSession(sid: string): SessionDetailView | undefined;
  /** Ends a session. Undefined where none of that id is known and no agent is named. */
  abortSession(request: AbortRequest): Promise<AbortedSession | undefined>;
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
/** Below it a session's id, or the user of its proxy credential. */
const SESSION_PATH = /^\/v1\/sessions\/([A-Za-z0-9_-]{1,64})(\/abort)?$/;
const SESSIONS = '/v1/sessions';

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

function onlyAnswers(methods: string): Reply {
  return usage(405, `only ${methods} is answered here`);
}

const UNKNOWN_SESSION: Reply = {
  status: 404,
  body: { error: { code: SESSION_UNKNOWN, message: 'no session of that id is known here' } },
};

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

/** The JSON of a body; undefined, which no JSON is, for a text that is none. */
async function readJson(request: IncomingMessage): Promise<{ readonly value: unknown } | Reply> {
  const text = await readBody(request);
  if (text === undefined) return usage(413, `the body is longer than ${MAX_BODY_BYTES} bytes`);
  return { value: parseJson(text) };
}

async function openSession(request: IncomingMessage, handlers: ControlHandlers): Promise<Reply> {
  const body = await readJson(request);
  if ('status' in body) return body;
  const asked = parseOpenSession(body.value);
  if ('invalid' in asked) return usage(400, asked.invalid);
  return { status: 200, body: openedSessionBody(await handlers.openSession(asked)) };
}

async function abortSession(
  request: IncomingMessage,
  sid: string,
  handlers: ControlHandlers,
): Promise<Reply> {
  const body = await readJson(request);
  if ('status' in body) return body;
  const asked = parseAbortSession(body.value);
  if ('invalid' in asked) return usage(400, asked.invalid);
  const aborted = await handlers.abortSession({ sid, ...asked });
  return aborted === undefined ? UNKNOWN_SESSION : { status: 200, body: aborted };
}

function listSessions(query: string, handlers: ControlHandlers): Reply {
  const asked = parseListQuery(query);
  if ('invalid' in asked) return usage(400, asked.invalid);
  return { status: 200, body: sessionPageBody(handlers.listSessions(asked.limit, asked.after)) };
}

/** What is answered about one session, below `/v1/sessions/`. */
async function ofSession(
  request: IncomingMessage,
  [, id = '', action]: RegExpExecArray,
  handlers: ControlHandlers,
): Promise<Reply> {
  const { method } = request;
  if (action !== undefined) {
    return method === 'POST' ? abortSession(request, id, handlers) : onlyAnswers('POST');
  }
  if (method === 'DELETE') {
    handlers.closeSession(id);
    return { status: 200, body: {} };
  }
  if (method !== 'GET') return onlyAnswers('GET and DELETE');
  const session = handlers.showSession(id);
  return session === undefined ? UNKNOWN_SESSION : { status: 200, body: session };
}

async function reply(request: IncomingMessage, handlers: ControlHandlers): Promise<Reply> {
  const { method, url = '' } = request;
  if (url === '/v1/status') {
    return method === 'GET' ? { status: 200, body: handlers.status() } : onlyAnswers('GET');
  }
  if (url === SESSIONS && method === 'POST') return openSession(request, handlers);
  if (url === SESSIONS || url.startsWith(`${SESSIONS}?`)) {
    return method === 'GET'
      ? listSessions(url.slice(SESSIONS.length + 1), handlers)
      : onlyAnswers('GET and POST');
  }
  if (url === '/v1/policies/reload') {
    return method === 'POST'
      ? { status: 200, body: { changed: await handlers.reloadPolicies() } }
      : onlyAnswers('POST');
  }
  const session = SESSION_PATH.exec(url);
  return session === null
    ? usage(404, 'there is `/v1/sessions`, `/v1/policies/reload` and `/v1/status`')
    : ofSession(request, session, handlers);
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
 * JSON. `POST /v1/sessions`, `DELETE /v1/sessions/<user>`; `GET /v1/sessions?limit=&after=<next>`,
 * `GET /v1/sessions/<sid>`, `POST /v1/sessions/<sid>/abort`; `POST /v1/policies/reload`, `GET /v1/status`.
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
