import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { FirmaError } from '@firma/core';
import type { StopMessage, TaskResult, TaskStart } from './messages.ts';

/** One worker thread that runs one task until it is told to stop. */
export interface LongTask {
  /** Messages to and from the task. */
  readonly port: MessagePort;
  /** Resolves when the task has ended, however it ended. */
  readonly ended: Promise<TaskResult>;
  /** Tells the task to stop, waits for its end, and frees the thread. */
  stop(): Promise<void>;
}

const STOP_TIMEOUT_MS = 2_000;

/**
 * Starts a worker of its own for a task that never ends by itself.
 *
 * @param file the built module, from `entryPoint`; it must not wait at its top level, because the worker loads it
 *   with `require`, the only way that needs no code from strings
 * @param name the export: takes a `TaskStart`, returns a promise of a `TaskResult`
 * @param data what the task is started with: plain data
 * @param transfer the ports in it
 */
export function startLongTask<T>(
  file: string,
  name: string,
  data: T,
  transfer: readonly MessagePort[] = [],
): LongTask {
  // The thread inherits no environment: what it has to know it is told.
  const pool = new Piscina({ minThreads: 0, maxThreads: 1, env: {}, recordTiming: false });
  // Of a thread without a task, one that has ended: `ended` has said what there is to say.
  pool.on('error', () => {});
  const { port1: port, port2 } = new MessageChannel();
  const start: TaskStart<T> = { port: port2, data };
  const running: Promise<TaskResult> = pool.run(start, {
    filename: file,
    name,
    transferList: [port2, ...transfer],
  });
  const ended = running.catch((error: unknown): TaskResult => {
    const why = error instanceof Error ? error.message : 'unknown error';
    return { ok: false, code: 'START_FAILED', message: `the worker thread ended: ${why}` };
  });
  return {
    port,
    ended,
    async stop() {
      const message: StopMessage = { type: 'stop' };
      port.postMessage(message);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, STOP_TIMEOUT_MS);
      });
      await Promise.race([ended, late]);
      clearTimeout(timer);
      port.close();
      await pool.destroy();
    },
  };
}

/** The error that a failed task stands for. */
export function taskError({ code, message }: Extract<TaskResult, { ok: false }>): FirmaError {
  return new FirmaError(code, message);
}
