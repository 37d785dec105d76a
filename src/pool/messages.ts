import type { ErrorCode } from '@firma/core';
import type { MessagePort } from 'node:worker_threads';

/** What a worker's task answers in the end. Data, not an exception: a clone keeps no error's class and code. */
export type TaskResult =
  { readonly ok: true } | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/** To the worker: end the task. */
export interface StopMessage {
  readonly type: 'stop';
}

/** Items that travel together: parallel arrays, one entry an item. */
export interface Batch<T> {
  readonly type: 'batch';
  readonly ids: number[];
  readonly items: T[];
}

/** What a worker's task is started with; the port is its channel to the thread that started it. */
export interface TaskStart<T> {
  readonly port: MessagePort;
  readonly data: T;
}
