import type { ListenAddress } from '../config/config.ts';

/** An answer: `body` is JSON. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** For 405: the method that is allowed. */
  readonly allow?: string;
}

/** What an adapter asks. */
export interface IngressHandler {
  /**
   * Never throws and never rejects.
   *
   * @param body all bytes of the body, in a buffer of its own
   */
  decide(body: Uint8Array): Promise<Answer>;
}

export type AdapterName = 'node' | 'uws';

/** The decision API while it serves: `POST /v1/decide` and `GET /healthz`. */
export interface Ingress extends ListenAddress {
  readonly adapter: AdapterName;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

export interface AdapterOptions {
  readonly listen: ListenAddress;
  readonly handler: IngressHandler;
}

/** Longest body of a call; JSON makes a body of 64 KiB longer. */
export const MAX_BODY_BYTES = 128 * 1024;

/** So much of a body that is too long is read and dropped, so that its sender gets to read the answer. */
export const MAX_DISCARDED_BYTES = 1024 * 1024;

/** Longest request line and headers together. */
export const MAX_HEAD_BYTES = 16 * 1024;

export const MAX_CONNECTIONS = 512;

/** An answer that is no decision: the request could not be read, or nobody decided. */
export function errorAnswer(status: number, code: string, message: string): Answer {
  return { status, body: JSON.stringify({ error: { code, message } }) };
}
