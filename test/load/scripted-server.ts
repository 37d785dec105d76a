import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

export const ALLOWED = '{"outcome":"ALLOW","reason":"OK"}';

/** A complete response. */
export function answerOf(body: string, status = '200 OK', headers = ''): string {
  return `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}

/** What a scripted server got. */
export interface Got {
  /** From 0, over all connections. */
  readonly index: number;
  readonly request: string;
  readonly socket: Socket;
}

export interface ScriptedServer {
  readonly port: number;
  readonly requests: readonly string[];
  readonly connections: number;
  close(): Promise<void>;
}

/** A server that does with each request what the script says: it writes, waits, breaks off. */
export async function scriptedServer(script: (got: Got) => void): Promise<ScriptedServer> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    let text = '';
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (;;) {
        const end = text.indexOf('\r\n\r\n');
        const length = Number(/content-length: ([0-9]+)/.exec(text.slice(0, end))?.[1] ?? 0);
        if (end < 0 || text.length < end + 4 + length) return;
        const request = text.slice(0, end + 4 + length);
        text = text.slice(request.length);
        script({ index: requests.push(request) - 1, request, socket });
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    requests,
    get connections() {
      return connections;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
