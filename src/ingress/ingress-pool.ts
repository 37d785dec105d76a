import { StartFailed, type FirmaError } from '@firma/core';
import { entryPoint } from '../entry-point.ts';
import { Batcher } from '../pool/batcher.ts';
import { type LongTask, startLongTask, taskError } from '../pool/long-task.ts';
import type { Batch } from '../pool/messages.ts';
import type { IngressTask, ListeningMessage } from './messages.ts';
import type { Answer, Ingress, IngressHandler } from './port.ts';

export interface IngressPoolOptions extends IngressTask {
  /** Decides, in this thread. */
  readonly handler: IngressHandler;
}

/** The decision API in a worker thread. */
export interface IngressPool extends Ingress {
  /** Resolves where the worker ended without being closed: the API is gone, and the sidecar has to stop. */
  readonly failed: Promise<FirmaError>;
}

const START_TIMEOUT_MS = 15_000;

function answerBatches(task: LongTask, handler: IngressHandler): void {
  const batcher = new Batcher<Answer>(task.port);
  task.port.on('message', (message: Batch<Uint8Array> | ListeningMessage) => {
    if (message.type !== 'batch') return;
    const { ids, items } = message;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i];
      const body = items[i];
      if (id === undefined || body === undefined) continue;
      void handler.decide(body).then((answer) => batcher.send(id, answer));
    }
  });
}

async function endedError(task: LongTask): Promise<FirmaError> {
  const result = await task.ended;
  return result.ok ? new StartFailed('the ingress worker ended') : taskError(result);
}

function firstListening(task: LongTask): Promise<ListeningMessage> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new StartFailed('the ingress worker did not start')),
      START_TIMEOUT_MS,
    );
    task.port.on('message', (message: ListeningMessage | { readonly type: 'batch' }) => {
      if (message.type !== 'listening') return;
      clearTimeout(timer);
      resolve(message);
    });
    void endedError(task).then((error) => {
      clearTimeout(timer);
      return reject(error);
    });
  });
}

/**
 * Starts the decision API in a worker thread of its own; calls are decided here, where session state is.
 *
 * @throws StartFailed where the address cannot be listened on, or the adapter asked for does not load
 */
export async function startIngressPool({
  listen,
  adapter,
  handler,
}: IngressPoolOptions): Promise<IngressPool> {
  const task = startLongTask<IngressTask>(entryPoint('ingress/worker.js'), 'serve', { listen, adapter });
  let closing = false;
  const failed = new Promise<FirmaError>((resolve) => {
    void endedError(task).then((error) => closing || resolve(error));
  });
  const close = async (): Promise<void> => {
    closing = true;
    await task.stop();
  };
  answerBatches(task, handler);
  try {
    const started = await firstListening(task);
    return { host: started.host, port: started.port, adapter: started.adapter, failed, close };
  } catch (error) {
    await close();
    throw error;
  }
}
