import type { MessagePort } from 'node:worker_threads';
import type { TaskResult } from './messages.ts';
import { type LongTask, startLongTask } from './long-task.ts';
import type { FromHub, Pong, ReferenceTask } from './reference-messages.ts';

export interface ReferenceThreadOptions {
  /** The built worker, from `entryPoint('pool/reference-worker.js')`. */
  readonly worker: string;
  readonly task: ReferenceTask;
  /** A thread that does not answer a ping for so long is given up. */
  readonly timeoutMs: number;
  /** The same until it has loaded its bundle. */
  readonly startTimeoutMs: number;
  /** How long after the first thread ended the next one starts; each later time twice as long, at most 60 times. */
  readonly restartMs: number;
  /** A thread has started: ports can be connected. */
  readonly onStart: () => void;
  /** The thread ended or was given up: nothing it owes will come. */
  readonly onLost: () => void;
  /** Told, the first time, why a thread ended by itself. Must not throw. */
  readonly onUnavailable: (detail: string) => void;
}

const MAX_RESTART_FACTOR = 60;
const PINGS_A_TIMEOUT = 4;

/** A thread with a reference engine, started when it is first asked for and again whenever it is gone. */
export class ReferenceThread {
  readonly #options: ReferenceThreadOptions;
  #task: LongTask | undefined;
  #closed = false;
  #hasFailed = false;
  #restartFactor = 1;
  #timer: NodeJS.Timeout | undefined;
  /** The end of a thread that was given up. */
  #ending: Promise<unknown> = Promise.resolve();

  constructor(options: ReferenceThreadOptions) {
    this.#options = options;
  }

  /** Nothing where it runs already, or is about to. */
  start(): void {
    if (this.#closed || this.#task !== undefined || this.#timer !== undefined) return;
    const task = startLongTask(this.#options.worker, 'reference', this.#options.task);
    this.#task = task;
    task.port.on('message', ({ type }: Pong) => {
      if (this.#task === task && type === 'pong') this.#ponged(task);
    });
    void task.ended.then((result) => this.#ended(task, result));
    this.#giveUpIn(this.#options.startTimeoutMs, task);
    this.#options.onStart();
  }

  /** Has the thread answer on a port. Nothing where none runs. */
  connect(port: MessagePort): void {
    const message: FromHub = { type: 'connect', port };
    this.#task?.port.postMessage(message, [port]);
  }

  /** Ends the thread for good. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#task !== undefined) this.#lose(this.#task);
    this.#clear();
    await this.#ending;
  }

  #ponged(task: LongTask): void {
    const { timeoutMs } = this.#options;
    this.#later(timeoutMs / PINGS_A_TIMEOUT, () => {
      const ping: FromHub = { type: 'ping' };
      task.port.postMessage(ping, []);
      this.#giveUpIn(timeoutMs, task);
    });
  }

  #giveUpIn(ms: number, task: LongTask): void {
    this.#later(ms, () => this.#lose(task));
  }

  #ended(task: LongTask, result: TaskResult): void {
    if (!result.ok && !this.#closed && !this.#hasFailed) {
      // Said once: a thread that cannot load its bundle ends again with every start.
      this.#hasFailed = true;
      this.#options.onUnavailable(result.message);
    }
    this.#lose(task);
  }

  #lose(task: LongTask): void {
    if (this.#task !== task) return;
    this.#task = undefined;
    this.#clear();
    this.#options.onLost();
    this.#ending = Promise.allSettled([this.#ending, task.stop()]);
    if (this.#closed) return;
    this.#later(this.#options.restartMs * this.#restartFactor, () => {
      this.#clear();
      this.start();
    });
    this.#restartFactor = Math.min(this.#restartFactor * 2, MAX_RESTART_FACTOR);
  }

  /** There is never more than one thing to wait for. */
  #later(ms: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, ms);
    this.#timer.unref();
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
