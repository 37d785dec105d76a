import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { World } from './world.ts';

/** What a peer sent, with ways to wait for more of it. */
export class Wire {
  readonly socket: Socket;
  text = '';
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      this.text += piece;
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.closed = true;
    });
  }

  send(text: string | Buffer): this {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
    return this;
  }

  /** Waits until what arrived holds the text, or the peer closed. */
  async until(wanted: string): Promise<string> {
    while (!this.text.includes(wanted) && !this.closed) {
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')]);
    }
    return this.text;
  }

  /** Waits for the end of the connection. */
  async end(): Promise<string> {
    if (!this.closed) await once(this.socket, 'close');
    return this.text;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** A connection to the proxy, nothing sent yet. */
export async function dial(world: World): Promise<Wire> {
  const socket = connectTcp(world.proxy.port, '127.0.0.1');
  await once(socket, 'connect');
  return new Wire(socket);
}

/** The inside of a tunnel, as raw bytes: CONNECT was answered with 200. */
export async function tunnel(world: World, hostPort: string): Promise<Wire> {
  const wire = await dial(world);
  wire.send(
    `CONNECT ${hostPort} HTTP/1.1\r\nHost: ${hostPort}\r\nProxy-Authorization: ${world.authorization}\r\n\r\n`,
  );
  const answer = await wire.until('\r\n\r\n');
  if (!answer.startsWith('HTTP/1.1 200 ')) throw new Error(`no tunnel: ${answer}`);
  wire.text = '';
  return wire;
}

/** The inside of a tunnel, behind the proxy's TLS. */
export async function tlsTunnel(
  world: World,
  hostPort: string,
  options: ConnectionOptions = {},
): Promise<Wire> {
  const outer = await tunnel(world, hostPort);
  outer.socket.removeAllListeners('data');
  const [servername = ''] = hostPort.split(':');
  const socket: TLSSocket = connectTls({
    socket: outer.socket,
    servername,
    ca: world.ca.certificatePem,
    ...options,
  });
  await once(socket, 'secureConnect');
  return new Wire(socket);
}

/** Body of an answer that has a content length or ended with the connection. */
export function bodyOf(text: string): string {
  return text.slice(text.indexOf('\r\n\r\n') + 4);
}
