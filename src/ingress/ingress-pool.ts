import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { FirmaError, StartFailed } from '@firma/core';
import type { IngressConfig, ListenAddress } from '../config/config.ts';
import type { CoreSeed } from '../deciding-messages.ts';
import type { DecidingThreads } from '../deciding-threads.ts';
import { entryPoint } from '../entry-point.ts';
import { LISTENER_REGION } from '../metrics/series.ts';
import { type LongTask, startLongTask, taskError } from '../pool/long-task.ts';
import type {
  DecideTask,
  DecidingMessage,
  ForwardTask,
  ListeningMessage,
  ListenTask,
  PeerMessage,
  ServeTask,
} from './messages.ts';
import type { AdapterName } from './port.ts';
import { freePort } from './free-port.ts';

export interface IngressPoolOptions {
  readonly config: IngressConfig;
  /** Absolute path of the Unix socket. */
  readonly socketPath: string;
  readonly threads: DecidingThreads;
  /** Told, in one sentence, of a thread that ended by itself and is replaced. */
  readonly onReplaced: (sentence: string) => void;
  /** Built module of the threads; `ingress/worker.js` by default. */
  readonly worker?: string;
}

/** The decision API in threads of its own. */
export interface IngressPool extends ListenAddress {
  readonly adapter: AdapterName;
  /** Resolves where its threads end by themselves over and over: the API is gone, and the sidecar has to stop. */
  readonly failed: Promise<FirmaError>;
  close(): Promise<void>;
}

const START_TIMEOUT_MS = 15_000;
/** So many threads may end by themselves within a minute. */
const MAX_REPLACED = 5;
const REPLACED_WITHIN_MS = 60_000;

function portsOf({ core: { reference } }: CoreSeed): MessagePort[] {
  return [reference.control, reference.port];
}

/** Where a thread listened that is replaced; nowhere where it only decides. */
interface Listening {
  readonly listen?: ListenAddress;
}

type Again = (at: Listening) => Promise<unknown>;

type Started = ListeningMessage | DecidingMessage;

function firstMessage<M extends Started>(task: LongTask, type: M['type']): Promise<M> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new StartFailed('an ingress worker did not start')),
      START_TIMEOUT_MS,
    );
    task.port.on('message', (message: M | { readonly type: string }) => {
      if (message.type !== type) return;
      clearTimeout(timer);
      resolve(message as M);
    });
    const endedFirst = async (): Promise<void> => {
      const result = await task.ended;
      clearTimeout(timer);
      reject(result.ok ? new StartFailed('an ingress worker ended') : taskError(result));
    };
    void endedFirst();
  });
}

/** Threads that run until they are stopped, each replaced where it ends by itself. */
class IngressThreads {
  readonly #options: IngressPoolOptions;
  readonly #worker: string;
  readonly #running = new Set<LongTask>();
  /** The thread that only listens, where there is one. */
  #listener: LongTask | undefined;
  readonly #deciders = new Set<LongTask>();
  readonly #connected = new WeakMap<LongTask, LongTask>();
  #endedMs: number[] = [];
  #closing = false;
  readonly failed: Promise<FirmaError>;
  #fail: (error: FirmaError) => void = () => {};

  constructor(options: IngressPoolOptions) {
    this.#options = options;
    this.#worker = options.worker ?? entryPoint('ingress/worker.js');
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
  }

  /** A thread that listens and decides. */
  async serve(listen: ListenTask): Promise<ListeningMessage> {
    const seed = this.#options.threads.seed();
    const task = startLongTask<ServeTask>(this.#worker, 'serve', { ...listen, seed }, portsOf(seed));
    this.#options.threads.attach(seed.thread, task.port);
    const message = await this.#started<ListeningMessage>(task, 'listening', seed.thread, (at) =>
      this.serve({ ...listen, ...at }),
    );
    return message;
  }

  /** The thread that only listens. */
  async listen(listen: ListenTask): Promise<ListeningMessage> {
    const task = startLongTask<ForwardTask>(this.#worker, 'listen', {
      ...listen,
      stats: this.#options.threads.stats,
      region: LISTENER_REGION,
    });
    this.#listener = task;
    const message = await this.#started<ListeningMessage>(task, 'listening', undefined, (at) =>
      this.listen({ ...listen, ...at }),
    );
    for (const decider of this.#deciders) this.#connect(decider);
    return message;
  }

  /** A thread that only decides. */
  async decide(): Promise<void> {
    const seed = this.#options.threads.seed();
    const task = startLongTask<DecideTask>(this.#worker, 'decide', { seed }, portsOf(seed));
    this.#options.threads.attach(seed.thread, task.port);
    await this.#started<DecidingMessage>(task, 'deciding', seed.thread, () => this.decide());
    this.#deciders.add(task);
    this.#connect(task);
    void task.ended.then(() => this.#deciders.delete(task));
  }

  async close(): Promise<void> {
    this.#closing = true;
    // Who listens first: what comes later is not answered.
    await this.#listener?.stop();
    await Promise.all([...this.#running].map((task) => task.stop()));
  }

  /** Once, whichever of the two started last. */
  #connect(decider: LongTask): void {
    const listener = this.#listener;
    if (listener === undefined || this.#connected.get(decider) === listener) return;
    this.#connected.set(decider, listener);
    const { port1, port2 } = new MessageChannel();
    const toListener: PeerMessage = { type: 'peer', port: port1 };
    const toDecider: PeerMessage = { type: 'peer', port: port2 };
    listener.port.postMessage(toListener, [port1]);
    decider.port.postMessage(toDecider, [port2]);
  }

  async #started<M extends Started>(
    task: LongTask,
    type: M['type'],
    thread: number | undefined,
    again: Again,
  ): Promise<M> {
    this.#running.add(task);
    const ended = this.#ended(task, thread);
    const message = await firstMessage<M>(task, type);
    const at = message.type === 'listening' ? { listen: { host: message.host, port: message.port } } : {};
    // One that never started is the starter's to tell.
    void ended.then((error) => this.#replace(error, again, at));
    return message;
  }

  /** Resolves once a thread is gone, and nothing of it is held any more. */
  async #ended(task: LongTask, thread: number | undefined): Promise<FirmaError> {
    const result = await task.ended;
    // Its task may be over before the thread is.
    await task.stop();
    this.#running.delete(task);
    if (thread !== undefined) this.#options.threads.ended(thread);
    return result.ok ? new StartFailed('a thread ended') : taskError(result);
  }

  #replace(error: FirmaError, again: Again, at: Listening): void {
    if (this.#closing) return;
    const now = performance.now();
    this.#endedMs = [...this.#endedMs.filter((endedMs) => now - endedMs < REPLACED_WITHIN_MS), now];
    if (this.#endedMs.length > MAX_REPLACED) {
      this.#fail(error);
      return;
    }
    this.#options.onReplaced(`a thread of the decision API ended and is replaced: ${error.message}`);
    void this.#again(error, again, at);
  }

  async #again(error: FirmaError, again: Again, at: Listening): Promise<void> {
    try {
      await again(at);
    } catch (failure) {
      if (!this.#closing) this.#fail(failure instanceof FirmaError ? failure : error);
    }
  }
}

/**
 * Starts the decision API in threads of its own, as many as the configuration says and placed as it says.
 *
 * @throws StartFailed where the address cannot be listened on, or the adapter asked for does not load
 */
export async function startIngressPool(options: IngressPoolOptions): Promise<IngressPool> {
  const { config, socketPath } = options;
  const threads = new IngressThreads(options);
  const { adapter, placement, trusted, workers } = config;
  const isShared = placement === 'inline' && workers > 1;
  // Those who share a port do not see that somebody else has it.
  const listen = isShared ? await freePort(config.listen) : config.listen;
  const task: ListenTask = { listen, trusted, isShared, adapter };
  const withSocket: ListenTask = { ...task, socketPath };
  try {
    let first: ListeningMessage;
    if (placement === 'inline') {
      const others = Array.from({ length: workers - 1 }, () => threads.serve(task));
      [first] = await Promise.all([threads.serve(withSocket), ...others]);
    } else {
      const deciders = Array.from({ length: workers }, () => threads.decide());
      [first] = await Promise.all([threads.listen(withSocket), ...deciders]);
    }
    return {
      host: first.host,
      port: first.port,
      adapter: first.adapter,
      failed: threads.failed,
      close: () => threads.close(),
    };
  } catch (error) {
    await threads.close();
    throw error;
  }
}
