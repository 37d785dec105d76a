import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Enforcer } from '../firma.ts';
import type { KnownSession } from '../session/directory.ts';
import { Connection, type Tunnel } from './connection.ts';
import { callerOf } from './exchange.ts';
import { errorCode } from './failure.ts';
import type { HostPort } from './host-port.ts';
import type { LeafCache } from './leaf.ts';
import type { ProxyLimits } from './limits.ts';

export interface TunnelParts {
  readonly enforcer: Enforcer;
  readonly leaves: LeafCache;
  readonly limits: ProxyLimits;
  /** Serves HTTP/1 on a connection it is given. */
  readonly server: Server;
  readonly connections: WeakMap<object, Connection>;
}

export interface TunnelRequest extends HostPort {
  /** CONNECT's target, as received. */
  readonly text: string;
  readonly session: KnownSession;
}

/** Content type `handshake` of a TLS record (RFC 8446 §5.1): the first byte of a ClientHello. */
const TLS_HANDSHAKE = 0x16;

const HUNG_UP = 'the client hung up';

function startsMethod(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

/** Waits for the first bytes and leaves them in the socket; undefined where it closed or stayed silent. */
function firstByte(socket: Socket, timeoutMs: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const settle = (byte: number | undefined): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('end', onEnd).off('close', onEnd);
      resolve(byte);
    };
    const onData = (bytes: Buffer): void => {
      socket.pause();
      settle(bytes[0]);
      socket.unshift(bytes);
    };
    const onEnd = (): void => settle(undefined);
    const timer = setTimeout(onEnd, timeoutMs);
    socket.on('data', onData).once('end', onEnd).once('close', onEnd);
  });
}

/**
 * Serves the inside of a CONNECT that was answered with 200 (semantics §7): TLS is intercepted with a certificate
 * for the tunnel's host, HTTP/1 is served as it is, and anything else is closed and recorded.
 */
export async function openTunnel(parts: TunnelParts, socket: Socket, request: TunnelRequest): Promise<void> {
  const { enforcer, limits } = parts;
  const { session } = request;
  let inside: Connection | undefined;
  let attached = false;
  let ended: string | undefined;
  const detach = enforcer.attach(session.sessionKey, (reason) => {
    if (inside !== undefined) inside.cut(reason);
    else if (attached) socket.destroy();
    // Nothing goes on in it yet, and its first request is where the agent can be told why.
    else ended = reason;
  });
  attached = true;
  socket.once('close', detach);

  const serve = (stream: Socket, tunnel: Tunnel): void => {
    inside = new Connection(stream, tunnel, ended);
    parts.connections.set(stream, inside);
    parts.server.emit('connection', stream);
    stream.resume();
  };
  const refuse = async (detail: string): Promise<void> => {
    socket.destroy();
    await enforcer.refuse(detail, callerOf(session), 'proxy');
  };

  const first = await firstByte(socket, limits.firstByteMs);
  if (first === undefined) {
    // Nothing was asked for, so there is nothing to decide: clients open tunnels ahead of need.
    socket.destroy();
  } else if (startsMethod(first)) {
    serve(socket, { ...request, scheme: 'http', otherServerName: undefined });
  } else if (first === TLS_HANDSHAKE) {
    const outcome = await handshake(parts, socket, request.host);
    if (outcome instanceof TLSSocket) {
      const { servername } = outcome;
      const other = typeof servername === 'string' && servername.toLowerCase() !== request.host;
      serve(outcome, { ...request, scheme: 'https', otherServerName: other ? servername : undefined });
    } else {
      await refuse(`the TLS handshake in the tunnel to \`${request.text}\` was not completed (${outcome})`);
    }
  } else {
    await refuse(`what was sent into the tunnel to \`${request.text}\` is neither TLS nor HTTP/1`);
  }
}

/** Speaks TLS as the tunnel's host. @returns the stream inside, or why there is none: an error code */
async function handshake(
  { leaves, limits }: TunnelParts,
  socket: Socket,
  host: string,
): Promise<TLSSocket | string> {
  const secureContext = await leaves.contextFor(host).catch(() => undefined);
  if (secureContext === undefined) return 'no certificate for it could be made';
  if (socket.destroyed) return HUNG_UP;
  const stream = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] });
  return new Promise((resolve) => {
    let reason = HUNG_UP;
    const timer = setTimeout(() => {
      reason = 'it took too long';
      stream.destroy();
    }, limits.handshakeMs);
    const hangUp = (): void => void stream.destroy();
    // The server lets its sockets be half-open, so an end is not yet a close; one that came before the certificate was
    // ready is the socket's own.
    stream.once('end', hangUp);
    socket.once('end', hangUp);
    stream.once('secure', () => {
      clearTimeout(timer);
      stream.off('end', hangUp);
      socket.off('end', hangUp);
      resolve(stream);
    });
    // Before the handshake is over Node reports errors only here, and after it a broken record only here as well.
    stream.on('_tlsError', (error: unknown) => {
      reason = errorCode(error) ?? reason;
      stream.destroy();
    });
    stream.on('error', () => stream.destroy());
    stream.once('close', () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reason);
    });
  });
}
