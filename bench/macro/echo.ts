import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Contestant } from './contestant.ts';

export type EchoMessage = { readonly type: 'absent' } | { readonly type: 'listening'; readonly port: number };

/**
 * Starts the raw echo.
 *
 * @param bodies what it is sent, and has to answer byte for byte
 * @returns undefined where uWebSockets.js does not load
 */
export async function startEcho(bodies: readonly string[]): Promise<Contestant | undefined> {
  // This file may run from source under a test runner; processes start from what was built.
  const child = fork(fileURLToPath(new URL('echo-server.js', import.meta.url)), {
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const exited = once(child, 'exit');
  const message = await new Promise<EchoMessage>((resolve) => {
    child.once('message', resolve);
    void exited.then(() => resolve({ type: 'absent' }));
  });
  const { pid } = child;
  if (message.type === 'absent' || pid === undefined) {
    await exited;
    return undefined;
  }
  const known = new Set(bodies);
  return {
    name: 'raw uWebSockets JSON echo',
    host: '127.0.0.1',
    port: message.port,
    path: '/v1/decide',
    bodies,
    pid,
    threads: 'one',
    isRight: (status, body) => status === 200 && known.has(body),
    async close() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
