import { type ChildProcess, fork } from 'node:child_process';
import { StartFailed, StateUnusable } from '@firma/core';
import { entryPoint } from '../entry-point.ts';
import type { BrokerEntry, FromBroker, ToBroker } from './messages.ts';

const START_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 2_000;
const MAX_IN_FLIGHT = 256;
const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 5_000;

interface Waiting {
  readonly label: string;
  readonly resolve: (value: string) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Keeps one broker process running and asks it for header values.
 *
 * A process that dies fails the requests under way and is started again, later each time it fails at once.
 */
export class BrokerSupervisor {
  readonly #entries: readonly BrokerEntry[];
  readonly #environment: NodeJS.ProcessEnv;
  readonly #answerTimeoutMs: number;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | undefined;
  #ready = false;
  #closing = false;
  #nextId = 1;
  #backoffMs = MIN_BACKOFF_MS;
  #restart: NodeJS.Timeout | undefined;

  /** @param environment all the broker process gets; kept here, because a restarted one needs it again */
  constructor(entries: readonly BrokerEntry[], environment: NodeJS.ProcessEnv, answerTimeoutMs: number) {
    this.#entries = entries;
    this.#environment = environment;
    this.#answerTimeoutMs = answerTimeoutMs;
  }

  /** Process id of the broker that runs now. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Starts the process.
   *
   * @returns one line for each entry that cannot be had now
   * @throws StartFailed where it does not come up
   */
  start(): Promise<readonly string[]> {
    // A new process gets these few variables and no more: not the sidecar's own, not its debugging flags.
    const child = fork(entryPoint('broker/broker-process.js'), [], {
      env: this.#environment,
      execArgv: ['--disallow-code-generation-from-strings'],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    return new Promise((resolve, reject) => {
      const failed = (): void => {
        clearTimeout(timer);
        reject(
          new StartFailed('the broker process did not start; credentials cannot be injected without it'),
        );
      };
      const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
      child.once('error', () => {
        failed();
        this.#gone(child);
      });
      child.once('exit', () => {
        failed();
        this.#gone(child);
      });
      child.on('message', (message: FromBroker) => {
        if (message.type === 'value') return this.#answered(message);
        clearTimeout(timer);
        this.#ready = true;
        resolve(message.problems);
      });
      this.#send(child, { type: 'start', entries: this.#entries });
    });
  }

  /**
   * The header value of an entry.
   *
   * @throws StateUnusable where its source does not give it, StartFailed where the broker does not answer
   */
  value(label: string): Promise<string> {
    const child = this.#child;
    if (child === undefined || !this.#ready) {
      return Promise.reject(unavailable(label, 'the broker process is not running; it is being restarted'));
    }
    if (this.#waiting.size >= MAX_IN_FLIGHT) {
      return Promise.reject(unavailable(label, `${MAX_IN_FLIGHT} requests to the broker are under way`));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#fail(id, 'the broker did not answer in time'),
        this.#answerTimeoutMs,
      );
      this.#waiting.set(id, { label, resolve, reject, timer });
      this.#send(child, { type: 'get', id, label });
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
    if (child.connected) child.disconnect();
    await exited;
    clearTimeout(timer);
  }

  #send(child: ChildProcess, message: ToBroker): void {
    // A failure to send is the death of the process, which `exit` reports.
    child.send(message, () => {});
  }

  #answered(message: Extract<FromBroker, { type: 'value' }>): void {
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    this.#backoffMs = MIN_BACKOFF_MS;
    if (message.ok) waiting.resolve(message.value);
    else waiting.reject(new StateUnusable(`credential \`${waiting.label}\`: ${message.problem}`));
  }

  #fail(id: number, why: string): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.reject(unavailable(waiting.label, why));
  }

  #gone(child: ChildProcess): void {
    if (this.#child !== child) return;
    const ran = this.#ready;
    this.#child = undefined;
    this.#ready = false;
    for (const id of this.#waiting.keys()) this.#fail(id, 'the broker process ended');
    // A process that never became ready is not tried again here: its starter was told, and decides.
    if (this.#closing || (!ran && this.#restart === undefined)) return;
    this.#restart = setTimeout(() => void this.start().catch(() => {}), this.#backoffMs).unref();
    this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS);
  }
}

function unavailable(label: string, why: string): StartFailed {
  return new StartFailed(`credential \`${label}\`: ${why}`);
}
