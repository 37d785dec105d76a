import type { Batch, TaskResult } from './messages.ts';
import { Batcher } from './batcher.ts';
import { type LongTask, startLongTask } from './long-task.ts';
import type { Finding, Sample, ShadowReady, ShadowTask } from './shadow-messages.ts';

export interface ReferenceThreadOptions {
  /** The built worker, from `entryPoint('pool/shadow-worker.js')`. */
  readonly worker: string;
  readonly task: ShadowTask;
  /** A thread that owes answers and gives none for so long is given up. */
  readonly timeoutMs: number;
  /** The same until it has loaded its bundle. */
  readonly startTimeoutMs: number;
  /** How long after one thread ended the next one starts. */
  readonly restartMs: number;
  /** Told, the first time, why a thread ended by itself. Must not throw. */
  readonly onUnavailable: (detail: string) => void;
}

const UNANSWERED: Finding = { kind: 'unanswered' };

/** A reference engine in a thread of its own, which looks at decisions again. */
export class ReferenceThread {
  readonly #options: ReferenceThreadOptions;
  readonly #waiting = new Map<number, (finding: Finding) => void>();
  #task: LongTask | undefined;
  #batcher: Batcher<Sample> | undefined;
  #nextId = 0;
  #ready = false;
  #closed = false;
  #hasFailed = false;
  #watchdog: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  /** The end of a thread that was given up. */
  #ending: Promise<unknown> = Promise.resolve();

  constructor(options: ReferenceThreadOptions) {
    this.#options = options;
    this.#start();
  }

  /**
   * What the reference engine says about a decision. Never rejects: whatever goes wrong is `unanswered`.
   *
   * How many may wait is the caller's to bound. The sample is cloned at the end of this turn of the event loop.
   */
  look(sample: Sample): Promise<Finding> {
    const batcher = this.#batcher;
    if (batcher === undefined) return Promise.resolve(UNANSWERED);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      if (this.#ready && this.#waiting.size === 1) this.#watch(this.#options.timeoutMs);
      batcher.send(id, sample);
    });
  }

  /** Ends the thread; what still waits is `unanswered`. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#task !== undefined) this.#lose(this.#task);
    clearTimeout(this.#restart);
    await this.#ending;
  }

  #start(): void {
    const task = startLongTask(this.#options.worker, 'shadow', this.#options.task);
    this.#task = task;
    this.#batcher = new Batcher(task.port);
    this.#ready = false;
    task.port.on('message', (message: Batch<Finding> | ShadowReady) => {
      if (this.#task === task) this.#heard(message);
    });
    void task.ended.then((result) => this.#ended(task, result));
    this.#watch(this.#options.startTimeoutMs);
  }

  #heard(message: Batch<Finding> | ShadowReady): void {
    if (message.type === 'ready') {
      this.#ready = true;
    } else {
      for (const [index, id] of message.ids.entries()) {
        this.#waiting.get(id)?.(message.items[index] ?? UNANSWERED);
        this.#waiting.delete(id);
      }
    }
    if (this.#waiting.size === 0) clearTimeout(this.#watchdog);
    else this.#watch(this.#options.timeoutMs);
  }

  #watch(ms: number): void {
    clearTimeout(this.#watchdog);
    const task = this.#task;
    if (task === undefined) return;
    this.#watchdog = setTimeout(() => this.#lose(task), ms);
    this.#watchdog.unref();
  }

  #ended(task: LongTask, result: TaskResult): void {
    if (!result.ok && !this.#closed && !this.#hasFailed) {
      // Said once: a thread that cannot load its bundle ends again with every start.
      this.#hasFailed = true;
      this.#options.onUnavailable(`shadow mode looks at no decision: ${result.message}`);
    }
    this.#lose(task);
  }

  /** The thread ended or is given up: nothing it owes will come. */
  #lose(task: LongTask): void {
    if (this.#task !== task) return;
    this.#task = undefined;
    this.#batcher = undefined;
    clearTimeout(this.#watchdog);
    for (const resolve of this.#waiting.values()) resolve(UNANSWERED);
    this.#waiting.clear();
    this.#ending = Promise.allSettled([this.#ending, task.stop()]);
    if (this.#closed) return;
    this.#restart = setTimeout(() => this.#start(), this.#options.restartMs);
    this.#restart.unref();
  }
}
