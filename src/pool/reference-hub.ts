import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { cedarModule } from '../cedar-module.ts';
import { entryPoint } from '../entry-point.ts';
import { DifferenceLog } from './difference-log.ts';
import { bundleSteps, type SharedCore } from './lowered-core.ts';
import { inSlices } from './lowered-slices.ts';
import { ReferenceCounts } from './reference-counts.ts';
import type { ReferenceAccess, SeenDifference, ToClient, ToHub } from './reference-messages.ts';
import { ReferenceThread } from './reference-thread.ts';
import type { ShadowCounts } from './shadow.ts';

export interface ShadowStats extends ShadowCounts {
  /** Confirmed differences that are not in the file: it was full, or could not be written. */
  readonly unwritten: number;
}

/** Of all deciding threads. */
export interface PolicyStats {
  readonly engine: string;
  /** Queries that the reference engine was asked in place of the compiled one. */
  readonly declined: number;
  /** Undefined where `sidecar.policy.shadow` is 0. */
  readonly shadow: ShadowStats | undefined;
}

export interface ReferenceHubOptions {
  /** What is in force; the hub stays with it. */
  readonly core: SharedCore;
  /** Of decisions that are taken again: 0 to 1. */
  readonly share: number;
  /** Where confirmed differences are written. */
  readonly runDir: string;
  /** Told one line, of closed words only; standard error by default. Must not throw. */
  readonly alert?: (line: string) => void;
  readonly worker?: string;
  readonly timeoutMs?: number;
  readonly startTimeoutMs?: number;
  readonly restartMs?: number;
}

/** A deciding thread. */
interface Client {
  readonly control: MessagePort;
  /** The end of its port that the next reference thread gets. */
  port: MessagePort | undefined;
}

// The first query of a class has its policies parsed: 10,000 take seconds where the processor is free.
const TIMEOUT_MS = 30_000;
const START_TIMEOUT_MS = 60_000;
const RESTART_MS = 1_000;
/** More than a `ReferenceClient` takes to close. */
const CLOSE_TIMEOUT_MS = 7_000;

/**
 * The reference engine of one bundle: one thread for all threads that decide, run by the main thread.
 *
 * It starts at once where some policy is declined or decisions are shadowed, and otherwise with the first query that needs
 * it, which then waits some 0.7 s.
 */
export class ReferenceHub {
  readonly #options: ReferenceHubOptions;
  readonly #alert: (line: string) => void;
  readonly #thread: ReferenceThread;
  readonly #differences: DifferenceLog;
  readonly #clients = new Set<Client>();
  readonly #counts: SharedArrayBuffer[] = [];
  readonly #distrusted = new Set<number>();
  #isRunning = false;
  #writing: Promise<unknown> = Promise.resolve();
  #onEmpty: (() => void) | undefined;

  constructor(options: ReferenceHubOptions) {
    const { core, share, runDir } = options;
    this.#options = options;
    this.#alert = options.alert ?? ((line) => void process.stderr.write(`firma: ${line}\n`));
    this.#differences = new DifferenceLog({
      file: join(runDir, 'policy-differences.jsonl'),
      alert: this.#alert,
    });
    this.#thread = new ReferenceThread({
      worker: options.worker ?? entryPoint('pool/reference-worker.js'),
      task: { cedar: cedarModule(), bundle: core.bundle },
      timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
      startTimeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
      restartMs: options.restartMs ?? RESTART_MS,
      onStart: () => this.#connectAll(),
      onLost: () => this.#disconnectAll(),
      onUnavailable: (detail) =>
        this.#alert(`the reference engine answers nothing, so calls that need it are denied: ${detail}`),
    });
    if (core.declines || share > 0) this.#thread.start();
  }

  /** For one more deciding thread, which opens a `ReferenceClient` with it. It is forgotten when that is closed, or its thread ends. */
  connect(): ReferenceAccess {
    const { port1: control, port2 } = new MessageChannel();
    const { port1: port, port2: thread } = new MessageChannel();
    const counts = ReferenceCounts.memory();
    const client: Client = { control, port: thread };
    control.on('message', (message: ToHub) => {
      if (message.type === 'wanted') this.#thread.start();
      else this.#differs(message.difference);
    });
    control.on('close', () => this.#forget(client));
    this.#clients.add(client);
    this.#counts.push(counts);
    if (this.#isRunning) this.#connect(client);
    return { control: port2, port, counts, distrusted: [...this.#distrusted] };
  }

  stats(): PolicyStats {
    const { declined, ...shadow } = ReferenceCounts.sum(this.#counts);
    const { unwritten } = this.#differences;
    return {
      engine: 'compiled',
      declined,
      shadow: this.#options.share > 0 ? { ...shadow, unwritten } : undefined,
    };
  }

  /**
   * Ends the thread, once every deciding thread has closed its client; after seven seconds it waits for none. What is asked
   * then is denied.
   */
  async close(): Promise<void> {
    if (this.#clients.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
        setTimeout(resolve, CLOSE_TIMEOUT_MS).unref();
      });
    }
    await this.#thread.close();
    for (const { control } of this.#clients) control.close();
    await this.#writing;
    await this.#differences.close();
  }

  #forget(client: Client): void {
    client.port?.close();
    this.#clients.delete(client);
    if (this.#clients.size === 0) this.#onEmpty?.();
  }

  #connect(client: Client): void {
    if (client.port !== undefined) {
      this.#thread.connect(client.port);
      client.port = undefined;
      return;
    }
    const { port1, port2 } = new MessageChannel();
    this.#thread.connect(port1);
    const message: ToClient = { type: 'port', port: port2 };
    client.control.postMessage(message, [port2]);
  }

  #connectAll(): void {
    this.#isRunning = true;
    for (const client of this.#clients) this.#connect(client);
  }

  #disconnectAll(): void {
    this.#isRunning = false;
    const message: ToClient = { type: 'port', port: undefined };
    for (const { control } of this.#clients) control.postMessage(message, []);
  }

  #differs(difference: SeenDifference): void {
    const { index } = difference.query.action;
    // Two threads may find the same at the same time.
    if (this.#distrusted.has(index)) return;
    this.#distrusted.add(index);
    const message: ToClient = { type: 'distrust', index };
    for (const { control } of this.#clients) control.postMessage(message, []);
    this.#writing = this.#writing.then(() => this.#write(difference));
  }

  async #write(difference: SeenDifference): Promise<void> {
    const { core } = this.#options;
    const { policies } = await inSlices(bundleSteps(core.bundle));
    const concerned = policies.filter((policy) => policy.classes[difference.query.action.index] === 1);
    this.#differences.add({
      ...difference,
      bundle: core.digests.bundle,
      policies: concerned.map(({ id, text }) => ({ id, text })),
    });
  }
}
