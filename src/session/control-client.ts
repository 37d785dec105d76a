import { type IncomingMessage, request } from 'node:http';
import { FirmaError, StartFailed } from '@firma/core';
import {
  type AbortedSession,
  type OpenedSession,
  openSessionBody,
  type OpenSessionRequest,
  parseAbortedSession,
  parseOpenedSession,
  SESSION_UNKNOWN,
  type SessionPage,
} from './control-messages.ts';
import { parseSessionDetail, parseSessionPage } from './parse-session-view.ts';
import type { SessionDetailView } from './session-view.ts';
import { fromWireError } from './wire-error.ts';

/** Speaks to the control socket of a sidecar. */
export interface ControlClient {
  openSession(request: OpenSessionRequest): Promise<OpenedSession>;
  closeSession(user: string): Promise<void>;
  /** The page behind the one whose `next` is `after`, or the first. As long as the sidecar makes it, or `limit`. */
  listSessions(after?: number, limit?: number): Promise<SessionPage>;
  /** @returns undefined where the sidecar knows no session of that id */
  showSession(sid: string): Promise<SessionDetailView | undefined>;
  /**
   * Ends a session: its calls are denied, what it has open is cut.
   *
   * @param options `agent` is needed where the session is not in the sidecar's memory
   * @returns undefined where the sidecar knows no session of that id, and no agent was given
   */
  abortSession(
    sid: string,
    options?: { readonly reason?: string | undefined; readonly agent?: string | undefined },
  ): Promise<AbortedSession | undefined>;
  /** Resolves once the policies of the sidecar's files decide: whether others did before. */
  reloadPolicies(): Promise<boolean>;
  status(): Promise<unknown>;
}

const TIMEOUT_MS = 10_000;
const RELOAD_TIMEOUT_MS = 150_000;
/** A page of 1,000 sessions is below 1 MiB, unless names are long. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

function unreachable(path: string): StartFailed {
  return new StartFailed(`no sidecar answers on \`${path}\`; start one with \`firma sidecar\``);
}

function isUnknownSession(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === SESSION_UNKNOWN;
}

/** @returns the answer's JSON; undefined, which no JSON is, where it is that the session is not known */
async function readAnswer(path: string, response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw unreachable(path);
    chunks.push(chunk);
  }
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  if (response.statusCode === 200) return value;
  const error = typeof value === 'object' && value !== null && 'error' in value ? value.error : undefined;
  if (isUnknownSession(error)) return undefined;
  throw fromWireError(error, `the sidecar on \`${path}\` answered ${response.statusCode ?? 0}`);
}

function call(
  path: string,
  method: string,
  target: string,
  body?: unknown,
  timeout = TIMEOUT_MS,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath: path,
        method,
        path: target,
        timeout,
        headers: { host: 'firma' },
        agent: false,
      },
      (response) => {
        readAnswer(path, response).then(resolve, (error: unknown) => {
          reject(error instanceof FirmaError ? error : unreachable(path));
        });
      },
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => reject(unreachable(path)));
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/**
 * A client of the control socket at `path`. It connects for each request.
 *
 * Its promises reject with the FirmaError the sidecar told of, or with StartFailed where no sidecar answers.
 */
export function controlClient(path: string): ControlClient {
  return {
    async openSession(asked) {
      const opened = parseOpenedSession(await call(path, 'POST', '/v1/sessions', openSessionBody(asked)));
      if (opened === undefined) throw unreachable(path);
      return opened;
    },
    async closeSession(user) {
      await call(path, 'DELETE', `/v1/sessions/${user}`);
    },
    async listSessions(after, limit) {
      const query = new URLSearchParams();
      if (after !== undefined) query.set('after', String(after));
      if (limit !== undefined) query.set('limit', String(limit));
      const page = parseSessionPage(await call(path, 'GET', `/v1/sessions?${query}`));
      if (page === undefined) throw unreachable(path);
      return page;
    },
    async showSession(sid) {
      const answer = await call(path, 'GET', `/v1/sessions/${sid}`);
      const session = parseSessionDetail(answer);
      if (session === undefined && answer !== undefined) throw unreachable(path);
      return session;
    },
    async abortSession(sid, options = {}) {
      const answer = await call(path, 'POST', `/v1/sessions/${sid}/abort`, options);
      const aborted = parseAbortedSession(answer);
      if (aborted === undefined && answer !== undefined) throw unreachable(path);
      return aborted;
    },
    async reloadPolicies() {
      const answer = await call(path, 'POST', '/v1/policies/reload', undefined, RELOAD_TIMEOUT_MS);
      return typeof answer === 'object' && answer !== null && 'changed' in answer && answer.changed === true;
    },
    status: () => call(path, 'GET', '/v1/status'),
  };
}
