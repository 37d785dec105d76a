import { type IncomingMessage, request } from 'node:http';
import { FirmaError, StartFailed } from '@firma/core';
import {
  type OpenedSession,
  openSessionBody,
  type OpenSessionRequest,
  parseOpenedSession,
} from './control-messages.ts';
import { fromWireError } from './wire-error.ts';

/** Speaks to the control socket of a sidecar. */
export interface ControlClient {
  openSession(request: OpenSessionRequest): Promise<OpenedSession>;
  closeSession(user: string): Promise<void>;
  /** Resolves once the policies of the sidecar's files decide: whether others did before. */
  reloadPolicies(): Promise<boolean>;
  status(): Promise<unknown>;
}

const TIMEOUT_MS = 10_000;
const RELOAD_TIMEOUT_MS = 150_000;
const MAX_ANSWER_BYTES = 1024 * 1024;

function unreachable(path: string): StartFailed {
  return new StartFailed(`no sidecar answers on \`${path}\`; start one with \`firma sidecar\``);
}

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
    async reloadPolicies() {
      const answer = await call(path, 'POST', '/v1/policies/reload', undefined, RELOAD_TIMEOUT_MS);
      return typeof answer === 'object' && answer !== null && 'changed' in answer && answer.changed === true;
    },
    status: () => call(path, 'GET', '/v1/status'),
  };
}
