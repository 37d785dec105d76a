/** How long and how large what a client sends may be. Milliseconds and bytes. */
export interface ProxyLimits {
  /** Head of a request, from its first byte; of a connection's first request, from the connection. */
  readonly headersMs: number;
  readonly headerBytes: number;
  /** First byte inside a tunnel. */
  readonly firstByteMs: number;
  /** TLS handshake inside a tunnel. */
  readonly handshakeMs: number;
  /** A body that has to be read whole before the decision. */
  readonly bodyMs: number;
  /** What an agent may go on sending after its answer. */
  readonly drainMs: number;
}

export const DEFAULT_LIMITS: ProxyLimits = {
  headersMs: 15_000,
  headerBytes: 16 * 1024,
  firstByteMs: 15_000,
  handshakeMs: 10_000,
  bodyMs: 30_000,
  drainMs: 10_000,
};
