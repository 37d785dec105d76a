import { Worker } from 'node:worker_threads';
import { entryPoint } from '../entry-point.ts';
import { stateDir } from './messages.ts';
import type { StateArguments, StateThreadMessage, WriterArguments } from './messages.ts';
import { damagedStore, prepareStore } from './state-file.ts';

export interface StateThread {
  /** Resolves when the thread has ended, however. */
  readonly ended: Promise<void>;
}

/**
 * Starts the thread of the state store, and waits until the store is open. Should it fail later, its end of the pipes
 * closes, which refuses every request; the log goes on.
 *
 * @throws StateUnusable where it cannot be opened
 */
export async function startState({ runDir, state, fsync }: WriterArguments): Promise<StateThread> {
  const dir = stateDir(runDir);
  await prepareStore(dir, state === 'reset');
  const workerData: StateArguments = { dir, fsync };
  const worker = new Worker(entryPoint('store/state-thread.js'), { workerData });
  let why = 'its thread ended';
  worker.on('error', (error) => (why = error instanceof Error ? error.message : String(error)));
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const refusal = await new Promise<string | undefined>((resolve) => {
    worker.once('message', (message: StateThreadMessage) => {
      resolve(message.type === 'ready' ? undefined : message.what);
    });
    void ended.then(() => resolve(`cannot be opened (${why})`));
  });
  if (refusal !== undefined) throw damagedStore(dir, refusal);
  return { ended };
}
