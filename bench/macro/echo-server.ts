// The yardstick of the decision API: a raw uWebSockets.js server on one thread. It parses the body of a request as JSON and
// answers the value, as JSON again. A process of its own; it ends when its parent does.

import { loadUws } from '../../src/ingress/uws-module.ts';
import type { EchoMessage } from './echo.ts';

const tell = (message: EchoMessage): void => void process.send?.(message);
process.on('disconnect', () => process.exit(0));

const uws = await loadUws();
if (uws === undefined) {
  tell({ type: 'absent' });
  process.disconnect();
} else {
  const app = uws.App();
  app.any('/*', (response) => {
    let aborted = false;
    let before: Buffer | undefined;
    response.onAborted(() => {
      aborted = true;
    });
    response.onData((chunk, isLast) => {
      if (aborted) return;
      if (!isLast || before !== undefined) {
        // The chunk's memory is used again.
        before = Buffer.concat([before ?? Buffer.alloc(0), Buffer.from(chunk)]);
        if (!isLast) return;
      }
      const value: unknown = JSON.parse((before ?? Buffer.from(chunk)).toString('utf8'));
      response.writeHeader('content-type', 'application/json').end(JSON.stringify(value));
    });
  });
  app.listen('127.0.0.1', 0, 1, (socket) => {
    if (socket === false) process.exit(1);
    tell({ type: 'listening', port: uws.us_socket_local_port(socket) });
  });
}
