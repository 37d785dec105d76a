// The part of uWebSockets.js that is used. Written out here because the package is optional: without it the project
// has to compile and run.

export interface UwsResponse {
  writeStatus(status: string): UwsResponse;
  writeHeader(name: string, value: string): UwsResponse;
  end(body?: string, closeConnection?: boolean): UwsResponse;
  endWithoutBody(): UwsResponse;
  close(): UwsResponse;
  onAborted(handler: () => void): UwsResponse;
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): UwsResponse;
  cork(handler: () => void): UwsResponse;
  /** Of the peer, IPv6 in eight groups; empty for a Unix socket and where the connection is gone. */
  getRemoteAddressAsText(): ArrayBuffer;
}

export interface UwsRequest {
  /** Path as received, without `?` and what follows it. */
  getUrl(): string;
  /** What follows the first `?`; without one `null`, or undefined. */
  getQuery(): string | null | undefined;
  getCaseSensitiveMethod(): string;
  forEach(visit: (name: string, value: string) => void): void;
}

export interface UwsApp {
  any(pattern: string, handler: (response: UwsResponse, request: UwsRequest) => void): UwsApp;
  /** `change` is positive for a connection that was opened, negative for one that ended. */
  filter(handler: (response: UwsResponse, change: number) => void): UwsApp;
  listen(host: string, port: number, options: number, done: (socket: object | false) => void): UwsApp;
  /** The socket gets mode 0700. */
  listen_unix(done: (socket: object | false) => void, path: string): UwsApp;
  close(): UwsApp;
}

export interface UwsModule {
  App(): UwsApp;
  us_socket_local_port(socket: object): number;
}

/** Said where the add-on is not there. */
export const ADD_UWS = '`npm install uWebSockets.js@npm:uwebsockets@3.0.6` adds it';

function isUws(value: unknown): value is UwsModule {
  return (
    typeof value === 'object' &&
    value !== null &&
    'App' in value &&
    typeof value.App === 'function' &&
    'us_socket_local_port' in value
  );
}

/** Loads the add-on. @returns undefined where it is not installed, or not built for this platform */
export async function loadUws(name = 'uWebSockets.js'): Promise<UwsModule | undefined> {
  try {
    const loaded: unknown = await import(name);
    const module =
      typeof loaded === 'object' && loaded !== null && 'default' in loaded ? loaded.default : loaded;
    return isUws(module) ? module : undefined;
  } catch {
    return undefined;
  }
}
