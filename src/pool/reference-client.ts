import { setTimeout as delay } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { ENGINE_ERROR, type PolicyEngine, type PolicyQuery, type PolicyVerdict } from '@firma/core';
import { Batcher } from './batcher.ts';
import { copyQuery } from './copy-query.ts';
import type { Batch } from './messages.ts';
import { type CountName, ReferenceCounts } from './reference-counts.ts';
import type {
  Answered,
  Asked,
  Finding,
  ReferenceAccess,
  Sample,
  SeenDifference,
  ToClient,
  ToHub,
} from './reference-messages.ts';

/** Queries that may wait, of this thread and of one session in it. */
const MAX_WAITING = 64;
const MAX_WAITING_OF_SESSION = 8;
/** Longer than a thread takes to start and to parse a thousand policies. */
const TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 6_000;
const CLOSE_POLL_MS = 5;

const UNANSWERED: Finding = { kind: 'unanswered' };
const ENGINE_ERRORED: PolicyVerdict = Object.freeze({
  allowed: false,
  determining: Object.freeze([]),
  errored: Object.freeze([ENGINE_ERROR]),
  abort: false,
  reason: undefined,
  remedy: undefined,
});

interface Waiting {
  readonly session: string;
  readonly dueMs: number;
  readonly resolve: (verdict: PolicyVerdict) => void;
}

export interface ReferenceClientOptions {
  /** A query that is not answered for so long is denied; 5 s by default. */
  readonly timeoutMs?: number;
  /** Told the index of a class that is the reference engine's from now on. */
  readonly onDistrust?: (index: number) => void;
}

/**
 * The reference engine, in another thread, for a thread that decides.
 *
 * At most 64 queries wait, eight of one session: another one, and one that is not answered in time or by a thread that is
 * gone, has the verdict of an engine that fails, which denies.
 */
export class ReferenceClient implements PolicyEngine {
  readonly name = 'reference';
  readonly #control: MessagePort;
  readonly #counts: ReferenceCounts;
  readonly #options: ReferenceClientOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ofSession = new Map<string, number>();
  readonly #looking = new Map<number, (finding: Finding) => void>();
  #port: MessagePort | undefined;
  #asking: Batcher<Asked> | undefined;
  #nextId = 0;
  #isWanted = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(access: ReferenceAccess, options: ReferenceClientOptions = {}) {
    this.#control = access.control;
    this.#counts = new ReferenceCounts(access.counts);
    this.#options = options;
    this.#use(access.port);
    access.control.on('message', (message: ToClient) => {
      if (message.type === 'port') this.#use(message.port);
      else options.onDistrust?.(message.index);
    });
    access.control.on('close', () => this.#use(undefined));
  }

  /** Never rejects. The query is copied: what becomes of the session later changes nothing. */
  evaluate(query: PolicyQuery): PolicyVerdict | Promise<PolicyVerdict> {
    this.#counts.add('declined');
    const session = query.context.session.id;
    const ofSession = this.#ofSession.get(session) ?? 0;
    const asking = this.#asking;
    if (asking === undefined || this.#waiting.size >= MAX_WAITING || ofSession >= MAX_WAITING_OF_SESSION) {
      return ENGINE_ERRORED;
    }
    this.#want();
    const id = this.#nextId++;
    this.#ofSession.set(session, ofSession + 1);
    asking.send(id, { query: copyQuery(query), verdict: undefined });
    return new Promise((resolve) => {
      const timeoutMs = this.#options.timeoutMs ?? TIMEOUT_MS;
      this.#waiting.set(id, { session, dueMs: performance.now() + timeoutMs, resolve });
      if (this.#timer === undefined) this.#expireIn(timeoutMs);
    });
  }

  /**
   * What the reference engine says about a decision, when it has nothing else to do. Never rejects: whatever goes wrong is
   * `unanswered`. How many may wait is the caller's to bound.
   */
  look(sample: Sample): Promise<Finding> {
    const asking = this.#asking;
    if (asking === undefined) return Promise.resolve(UNANSWERED);
    this.#want();
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#looking.set(id, resolve);
      asking.send(id, sample);
    });
  }

  /** Has a confirmed difference written, and every other thread told. */
  tell(difference: SeenDifference): void {
    this.#post({ type: 'difference', difference });
  }

  /** @returns how many there are then, in this thread */
  count(name: Exclude<CountName, 'declined'>): number {
    return this.#counts.add(name);
  }

  /** Waits for queries that are asked, six seconds at most; those after it are denied. */
  async close(): Promise<void> {
    const untilMs = performance.now() + CLOSE_TIMEOUT_MS;
    // A call that is asked again, because its session has changed, is so before the next look.
    while (this.#waiting.size > 0 && performance.now() < untilMs) await delay(CLOSE_POLL_MS);
    this.#use(undefined);
    this.#control.close();
  }

  #want(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#post({ type: 'wanted' });
  }

  #post(message: ToHub): void {
    this.#control.postMessage(message, []);
  }

  #use(port: MessagePort | undefined): void {
    this.#port?.close();
    this.#port = port;
    this.#asking = port === undefined ? undefined : new Batcher(port);
    for (const id of this.#waiting.keys()) this.#settle(id, ENGINE_ERRORED);
    for (const resolve of this.#looking.values()) resolve(UNANSWERED);
    this.#looking.clear();
    port?.on('message', (batch: Batch<Answered>) => this.#heard(batch));
  }

  #heard({ ids, items }: Batch<Answered>): void {
    for (const [index, id] of ids.entries()) {
      const answer = items[index];
      if (answer?.kind === 'verdict') {
        this.#settle(id, answer.verdict);
      } else {
        this.#looking.get(id)?.(answer ?? UNANSWERED);
        this.#looking.delete(id);
      }
    }
  }

  #settle(id: number, verdict: PolicyVerdict): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    const { session, resolve } = waiting;
    const others = (this.#ofSession.get(session) ?? 1) - 1;
    if (others === 0) this.#ofSession.delete(session);
    else this.#ofSession.set(session, others);
    resolve(verdict);
  }

  #expireIn(ms: number): void {
    this.#timer = setTimeout(() => this.#expire(), ms);
    this.#timer.unref();
  }

  /** Queries wait in the order in which they are due. */
  #expire(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    for (const [id, { dueMs }] of this.#waiting) {
      if (dueMs > nowMs) {
        this.#expireIn(dueMs - nowMs);
        return;
      }
      this.#settle(id, ENGINE_ERRORED);
    }
  }
}
