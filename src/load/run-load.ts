import { StartFailed } from '@firma/core';
import { type Endpoint, Lane, type LaneListener } from './lane.ts';
import { OpenLoop } from './open-loop.ts';
import { Pace } from './pace.ts';
import type { LoadResult, LoadSecond } from './result.ts';
import type { Schedule } from './schedule.ts';
import { type Counted, Tally } from './tally.ts';
import type { ReadVerdict } from './verdict.ts';

export interface RunLoadOptions {
  readonly endpoint: Endpoint;
  readonly connections: number;
  readonly schedule: Schedule;
  /** The next request, complete; each of its characters is a byte. */
  readonly nextRequest: () => string;
  readonly readVerdict: ReadVerdict;
  /** A request without an answer is given up after this. */
  readonly timeoutMs: number;
  /** Most requests that wait for a connection. */
  readonly maxBacklog: number;
  /** Told each second of the run. */
  readonly onSecond?: (second: LoadSecond) => void;
  /** Ends the run early; what there is is the result. */
  readonly signal?: AbortSignal;
}

/** What a run came to, less what its caller knows already. */
export type RunLoadResult = Counted & Pick<LoadResult, 'generator' | 'interrupted'>;

const SECOND_MS = 1000;
/** How often it is looked for requests that have no answer in time. */
const SWEEP_MS = 50;
const CONNECT_MS = 5000;
const READ_BYTES = 64 * 1024;

/**
 * Makes a load of constant rate and measures what becomes of it: in this process, on one thread.
 *
 * @returns once the schedule is over and every request has an answer or was given up
 * @throws StartFailed where no connection can be made
 */
export function runLoad(options: RunLoadOptions): Promise<RunLoadResult> {
  return new LoadRun(options).run();
}

class LoadRun implements LaneListener {
  readonly #options: RunLoadOptions;
  readonly #tally: Tally;
  readonly #loop: OpenLoop;
  readonly #pace: Pace;
  readonly #lanes: Lane[] = [];
  #isStarted = false;
  #openLanes = 0;
  #refused = 0;
  #interrupted = false;
  #onConnected: () => void = () => undefined;

  constructor(options: RunLoadOptions) {
    const now = (): number => performance.now();
    this.#options = options;
    this.#tally = new Tally(options.readVerdict);
    this.#loop = new OpenLoop({ ...options, tally: this.#tally, now });
    this.#pace = new Pace(() => this.#turn());
  }

  async run(): Promise<RunLoadResult> {
    try {
      await this.#connect();
      await this.#drive();
    } finally {
      this.#pace.stop();
      for (const lane of this.#lanes) lane.close();
    }
    this.#tally.endSecond(this.#loop.elapsedMs);
    return {
      ...this.#tally.result(),
      interrupted: this.#interrupted,
      generator: { lagMs: this.#tally.lags.quantiles(), busy: this.#pace.busy },
    };
  }

  idle(lane: Lane): void {
    this.#pace.worked();
    this.#loop.idle(lane);
    if (this.#loop.hasIdle) this.#pace.wake();
    if (this.#isStarted) return;
    this.#openLanes++;
    if (this.#openLanes === this.#options.connections) this.#onConnected();
  }

  gone(lane: Lane): void {
    if (!this.#isStarted) this.#openLanes--;
    this.#loop.gone(lane);
  }

  answered(...[lane, response]: Parameters<LaneListener['answered']>): void {
    this.#loop.answered(lane, response);
  }

  failed(...[lane, kind]: Parameters<LaneListener['failed']>): void {
    this.#pace.worked();
    this.#loop.failed(lane, kind);
  }

  refused(): void {
    // Before the start it decides whether the run starts; after it, it is a figure of the run.
    if (this.#isStarted) this.#tally.refused();
    // With each of them refused once, nobody listens.
    else if (++this.#refused >= this.#options.connections && this.#openLanes === 0) this.#onConnected();
  }

  async #connect(): Promise<void> {
    const { connections, endpoint } = this.#options;
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    let timer: NodeJS.Timeout | undefined;
    const connected = new Promise<void>((resolve) => {
      this.#onConnected = resolve;
      timer = setTimeout(resolve, CONNECT_MS);
    });
    for (let count = 0; count < connections; count++) this.#lanes.push(new Lane(endpoint, this, buffer));
    await connected;
    clearTimeout(timer);
    if (this.#openLanes < connections) {
      throw new StartFailed(
        `${this.#openLanes} of ${connections} connections could be made; is it running, and does it take so many? \`--connections\` says how many`,
      );
    }
  }

  #turn(): number {
    const { taken } = this.#loop;
    const waitMs = this.#loop.turn();
    if (this.#loop.taken > taken) this.#pace.worked();
    // With every connection in use nothing can be sent before an answer comes, and that wakes the loop.
    return this.#loop.hasIdle ? waitMs : Infinity;
  }

  async #drive(): Promise<void> {
    const { onSecond, schedule, signal, timeoutMs } = this.#options;
    const lastMs = schedule.durationMs + timeoutMs;
    const seconds = setInterval(() => {
      const second = this.#tally.endSecond(this.#loop.elapsedMs);
      onSecond?.(second);
    }, SECOND_MS);
    let sweep: NodeJS.Timeout | undefined;
    this.#isStarted = true;
    this.#loop.start();
    this.#pace.start();
    await new Promise<void>((resolve) => {
      sweep = setInterval(() => {
        this.#interrupted = signal?.aborted === true;
        if (this.#interrupted || this.#loop.elapsedMs > lastMs) this.#loop.stop();
        this.#giveUpLate(timeoutMs);
        if (this.#interrupted || this.#loop.isDone) resolve();
      }, SWEEP_MS);
    });
    clearInterval(seconds);
    clearInterval(sweep);
  }

  #giveUpLate(timeoutMs: number): void {
    const { elapsedMs } = this.#loop;
    for (const lane of this.#lanes) {
      if (lane.isBusy && elapsedMs - lane.sentMs > timeoutMs) lane.giveUp('timeout');
    }
  }
}
