// The ingress worker: one long task of a pool thread. Nothing here waits at top level, see `startLongTask`.

import { FirmaError } from '@firma/core';
import type { Batch, StopMessage, TaskResult, TaskStart } from '../pool/messages.ts';
import { startAdapter } from './adapter.ts';
import { ForwardingHandler } from './forwarding.ts';
import type { IngressTask, ListeningMessage } from './messages.ts';
import type { Answer } from './port.ts';

/** Serves until it is told to stop, or the thread that decides is gone. */
export async function serve({ port, data }: TaskStart<IngressTask>): Promise<TaskResult> {
  const handler = new ForwardingHandler(port);
  const stopped = new Promise<void>((resolve) => {
    port.on('message', (message: Batch<Answer> | StopMessage) => {
      if (message.type === 'stop') resolve();
      else handler.answered(message);
    });
    port.on('close', () => resolve());
  });
  try {
    const ingress = await startAdapter(data.adapter, { listen: data.listen, handler });
    const { adapter, host } = ingress;
    const listening: ListeningMessage = { type: 'listening', adapter, host, port: ingress.port };
    port.postMessage(listening);
    await stopped;
    await ingress.close();
    return { ok: true };
  } catch (error) {
    const code = error instanceof FirmaError ? error.code : 'START_FAILED';
    return { ok: false, code, message: error instanceof Error ? error.message : 'unknown error' };
  } finally {
    handler.close();
    port.close();
  }
}
