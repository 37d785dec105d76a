import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { entryPoint } from '../../src/entry-point.ts';

// A worker that listens, and this thread in place of one that decides.
const SCRIPT = `
import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
const [, task, forwarding, worker, adapter] = process.argv;
const { startLongTask } = await import(task);
const { answerPeer } = await import(forwarding);
let refused = false;
try { eval('1'); } catch { refused = true; }
const listen = { host: '127.0.0.1', port: 0 };
const started = startLongTask(worker, 'listen', { listen, trusted: [], isShared: false, adapter });
const [listening] = await once(started.port, 'message');
const { port1, port2 } = new MessageChannel();
answerPeer(port2, { handle: ({ body }) => ({ status: 200, body: Buffer.from(body).toString() }) });
started.port.postMessage({ type: 'peer', port: port1 }, [port1]);
const url = 'http://127.0.0.1:' + listening.port + '/v1/decide';
const answer = await fetch(url, { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } });
console.log(JSON.stringify({ refused, adapter: listening.adapter, body: await answer.text() }));
await started.stop();
port2.close();
`;

describe('in a process that makes no code from strings', () => {
  it.each(['uws', 'node'])(
    'the ingress worker runs with adapter `%s`, and leaves nothing open',
    async (adapter) => {
      const flags = ['--disallow-code-generation-from-strings', '--input-type=module', '-e', SCRIPT];
      const files = ['pool/long-task.js', 'ingress/forwarding.js', 'ingress/worker.js'].map((file) =>
        entryPoint(file),
      );
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, ...files, adapter]);
      expect(JSON.parse(stdout)).toEqual({ refused: true, adapter, body: '{"a":1}' });
      expect(stderr).toBe('');
    },
  );
});
