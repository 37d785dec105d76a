// The generator of `open-loop.ts`, in a process of its own: the parts of `firma load`, with requests that are given, so that
// a server without tokens is asked at the same times and with the same bytes. It ends after one run, or with its parent.

import { runLoad } from '../../src/load/run-load.ts';
import { Schedule } from '../../src/load/schedule.ts';
import { decideVerdict, type ReadVerdict } from '../../src/load/verdict.ts';
import type { OpenLoopTask } from './open-loop.ts';

/** Waiting for a connection, beyond what is under way: a tenth of a second of the highest rates. */
const MAX_BACKLOG = 10_000;

/** The echo answers what it was sent, which starts with the token. */
const echoVerdict: ReadVerdict = ({ status, body }) =>
  status === 200 && body.startsWith('{"token":')
    ? { outcome: 'ALLOW', reason: 'OK' }
    : { error: `status ${status}` };

function requestText({ host, port, path }: OpenLoopTask, body: string): string {
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

process.on('disconnect', () => process.exit(1));
process.once('message', (task: OpenLoopTask) => {
  const requests = task.bodies.map((body) => requestText(task, body));
  let next = 0;
  const running = runLoad({
    endpoint: { host: task.host, port: task.port },
    connections: task.connections,
    schedule: new Schedule(task.perSecond, task.seconds * 1000),
    nextRequest: () => requests[next++ % requests.length] ?? '',
    readVerdict: task.echo ? echoVerdict : decideVerdict,
    timeoutMs: 5_000,
    maxBacklog: MAX_BACKLOG,
  });
  void running.then((result) => process.send?.(result, () => process.disconnect()));
});
