import type { ListenAddress } from '../config/config.ts';

export type AnswerHeaders = readonly (readonly [name: string, value: string])[];

/** An answer. `body` is JSON where `contentType` does not say otherwise. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Beside content type and length; lower-case names, values that are safe in a header. */
  readonly headers?: AnswerHeaders;
  /** `application/json` by default. */
  readonly contentType?: string;
}

/** One request, whole. Plain data: a pool gets it by `postMessage`. */
export interface IngressRequest {
  /** As received; case matters. */
  readonly method: string;
  /** Origin-form, with the query, as received. */
  readonly target: string;
  /** Names (lower case) and values in turn, as received; of some routes only those that are read (`routes.ts`). */
  readonly headers: readonly string[];
  /** The whole body, in a buffer of its own. */
  readonly body: Uint8Array;
  /** It came over the Unix socket, or from a peer in `ingress.trusted`. */
  readonly isTrusted: boolean;
  /**
   * Names the connection, as far as the adapter can tell connections apart: token verifications are shared out by it.
   * uWebSockets.js only tells the peer's address.
   */
  readonly source: string;
}

/** What an adapter asks. */
export interface IngressHandler {
  /** Never throws and never rejects. What is answered at once leaves at once. */
  handle(request: IngressRequest): Answer | Promise<Answer>;
}

export type AdapterName = 'node' | 'uws';

/** The decision API while it serves. */
export interface Ingress extends ListenAddress {
  readonly adapter: AdapterName;
  /** Stops listening, ends every connection and removes the Unix socket. */
  close(): Promise<void>;
}

export interface AdapterOptions {
  readonly listen: ListenAddress;
  /** Absolute path of a Unix socket that is served beside `listen`, mode 0600. Of several workers one has it. */
  readonly socketPath?: string;
  /** Networks (`10.0.0.0/8`) whose word about the calls of others is believed, beside the Unix socket. */
  readonly trusted: readonly string[];
  /** Several workers listen on one port, which is then no free one: `freePort` finds it. uWebSockets.js only. */
  readonly isShared: boolean;
  readonly handler: IngressHandler;
  /** Of each listener; `MAX_CONNECTIONS` by default. */
  readonly maxConnections?: number;
  /** Told how long each request took that was handled, from its first byte here to its answer. Must not throw. */
  readonly served?: (microseconds: number) => void;
}

/** Longest body of a request; JSON makes a call's body of 64 KiB longer. */
export const MAX_BODY_BYTES = 128 * 1024;

/** Longest body of a batch. */
export const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/** Of all bodies of one adapter that are being collected or decided; further ones are refused. */
export const MAX_BODIES_BYTES = 64 * 1024 * 1024;

/** So much of a body that is too long is read and dropped, so that its sender gets to read the answer. */
export const MAX_DISCARDED_BYTES = 1024 * 1024;

/** Longest request line and headers together. */
export const MAX_HEAD_BYTES = 16 * 1024;

/** Of each listener of an adapter. */
export const MAX_CONNECTIONS = 4096;

const NONE: AnswerHeaders = Object.freeze([]);
/** What is missing there comes back by itself. */
export const RETRY_SOON: AnswerHeaders = Object.freeze([Object.freeze(['retry-after', '1'] as const)]);

/** For what cannot be read as a request. @param message never quotes a value */
export function badRequest(message: string): Answer {
  return errorAnswer(400, 'BAD_REQUEST', message);
}

/** An answer that is no decision: the request could not be read, or nobody decided. */
export function errorAnswer(
  status: number,
  code: string,
  message: string,
  headers: AnswerHeaders = status === 503 ? RETRY_SOON : NONE,
): Answer {
  return { status, body: JSON.stringify({ error: { code, message } }), headers };
}
