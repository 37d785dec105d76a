import type { MessagePort } from 'node:worker_threads';
import { type RevocationList, type SessionTable, StartFailed, type VerificationJwk } from '@firma/core';
import type { EventProof } from './audit/event-proof.ts';
import type { AuditPipeline } from './audit/pipeline.ts';
import type {
  CoreSeed,
  FromHome,
  HomeAnswer,
  HomeQuestion,
  Readied,
  Readiness,
  ToHome,
} from './deciding-messages.ts';
import type { LoadedConfig } from './config/read-named.ts';
import type { ThreadCore } from './core-in-force.ts';
import { Questions } from './pool/questions.ts';

/** How long a receipt waits for its checkpoint, which is signed every second. */
const RECEIPT_TIMEOUT_MS = 3_000;
/** The main thread is 0. */
const FIRST_THREAD = 1;
const METRICS_FOR_MS = 250;
/** Ten thousand policies take a few seconds where the processor is free. */
const LINK_TIMEOUT_MS = 30_000;

export interface DecidingThreadsOptions {
  readonly loaded: LoadedConfig;
  readonly issuer: string;
  readonly keys: ReadonlyMap<string, VerificationJwk>;
  readonly revocations: RevocationList;
  readonly bootMs: number;
  readonly sessions: SessionTable;
  readonly audit: AuditPipeline;
  readonly stats: SharedArrayBuffer;
  readonly enforcementKeyDigest: string;
  /** What one more thread decides with, from its start. */
  readonly forThread: () => ThreadCore;
  readonly endSession: (sessionKey: string, reason: string) => void;
  /** Settles a decision that the main thread holds. */
  readonly settle: (eventId: string, how: 'commit' | 'rollback') => boolean;
}

const STARTING: Readied = { ready: false, detail: 'the sidecar is starting' };
const NOT_READY: Readiness = { bundle: STARTING, revocations: STARTING, audit: STARTING, store: STARTING };

type Settling = { readonly eventId: string; readonly how: 'commit' | 'rollback' };

interface Attached {
  readonly post: (message: FromHome, transfer?: readonly MessagePort[]) => void;
  readonly settlings: Questions<Settling, boolean>;
  /** Of the last core it was given to link, and of the last it has linked; that of its start is 0. */
  given: number;
  linked: number;
}

/**
 * The main thread's side of the threads that decide for the decision API: gives each what it builds its core from, and
 * answers what only this thread can.
 */
export class DecidingThreads {
  readonly #options: DecidingThreadsOptions;
  readonly #attached = new Map<number, Attached>();
  readonly #taken = new Set<number>();
  #generation = 0;
  #page = '';
  #pageMs = -Infinity;
  #onLinked: () => void = () => {};
  /** What can be relied on; the page of `/metrics`. Set by who knows all parts. */
  readiness: () => Readiness = () => NOT_READY;
  metrics: () => string = () => '';

  constructor(options: DecidingThreadsOptions) {
    this.#options = options;
  }

  /** Where every thread counts. */
  get stats(): SharedArrayBuffer {
    return this.#options.stats;
  }

  /** What the next thread builds its core from. Its number is in use until `ended`. */
  seed(): CoreSeed {
    const { audit, loaded, sessions } = this.#options;
    const { config } = loaded;
    let thread = FIRST_THREAD;
    while (this.#taken.has(thread)) thread++;
    this.#taken.add(thread);
    return {
      thread,
      sidecarId: config.id,
      issuer: this.#options.issuer,
      audience: config.audience,
      skewS: config.skewS,
      maxTtlS: config.authority.maxTtlS,
      defaultProtected: config.mapping.defaultProtected,
      budgets: config.budgets,
      core: this.#options.forThread(),
      keys: this.#options.keys,
      revocations: this.#options.revocations,
      sessions: sessions.share(),
      bootMs: this.#options.bootMs,
      audit: audit.openQueue(thread),
      stats: this.#options.stats,
      enforcementKeyDigest: this.#options.enforcementKeyDigest,
    };
  }

  /** Answers a thread from now on. Messages that are none of `ToHome` are left to others. */
  attach(thread: number, port: MessagePort): void {
    const post = (message: FromHome, transfer: readonly MessagePort[] = []): void =>
      port.postMessage(message, [...transfer]);
    const settlings = new Questions<Settling, boolean>(post, false);
    const attached: Attached = { post, settlings, given: 0, linked: 0 };
    this.#attached.set(thread, attached);
    this.#options.audit.onAcknowledged(thread, () => post({ type: 'acknowledged' }));
    port.on('message', (message: ToHome) => {
      switch (message.type) {
        case 'audit':
          this.#options.audit.drain();
          return;
        case 'question':
          void this.#answer(thread, message.question).then((answer) =>
            post({ type: 'answer', id: message.id, answer }),
          );
          return;
        case 'session-ended':
          this.#options.endSession(message.sessionKey, message.reason);
          return;
        case 'answer':
          settlings.answered(message);
          return;
        case 'linked':
          attached.linked = message.generation;
          this.#onLinked();
          return;
        default:
        // Another one's.
      }
    });
  }

  /** A thread is gone, however it ended: nothing of it stays held. */
  ended(thread: number): void {
    this.#attached.get(thread)?.settlings.gone();
    this.#attached.delete(thread);
    this.#onLinked();
    this.#options.audit.threadEnded(thread);
    this.#options.sessions.threadEnded(thread);
    this.#taken.delete(thread);
  }

  /**
   * Has every thread link another core.
   *
   * @throws StartFailed where one does not within 30 seconds
   */
  async prepare(forThread: () => ThreadCore): Promise<void> {
    this.#generation += 1;
    for (const attached of this.#attached.values()) this.#give(attached, forThread());
    await this.#allLinked();
  }

  /**
   * Every thread decides with what it linked last. One that started since and has not, links it first.
   *
   * @returns once all do. Rejects with StartFailed where one does not within 30 seconds
   */
  activate(): Promise<void> {
    for (const attached of this.#attached.values()) {
      if (attached.given !== this.#generation) this.#give(attached, this.#options.forThread());
      attached.post({ type: 'activate', generation: this.#generation });
    }
    return this.#allLinked();
  }

  /** Settles a decision wherever it is held. */
  async settle(eventId: string, how: 'commit' | 'rollback', besides?: number): Promise<boolean> {
    if (this.#options.settle(eventId, how)) return true;
    const asked = [...this.#attached].filter(([thread]) => thread !== besides);
    const answers = await Promise.all(asked.map(([, { settlings }]) => settlings.ask({ eventId, how })));
    return answers.includes(true);
  }

  /** One that ends meanwhile is not waited for; what takes its place gets its core from the start. */
  async #allLinked(): Promise<void> {
    const areLinked = (): boolean =>
      [...this.#attached.values()].every(({ given, linked }) => given <= linked);
    if (areLinked()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new StartFailed('a thread of the decision API does not load tables and policies')),
        LINK_TIMEOUT_MS,
      );
      this.#onLinked = () => {
        if (!areLinked()) return;
        clearTimeout(timer);
        this.#onLinked = () => {};
        resolve();
      };
    });
  }

  #give(attached: Attached, core: ThreadCore): void {
    const { control, port } = core.reference;
    attached.given = this.#generation;
    attached.post({ type: 'core', generation: this.#generation, core }, [control, port]);
  }

  async #answer(thread: number, question: HomeQuestion): Promise<HomeAnswer> {
    const { audit, sessions } = this.#options;
    try {
      switch (question.kind) {
        case 'session':
          return { kind: 'session', answer: await sessions.serve(question.request) };
        case 'proof':
          return { kind: 'proof', proof: await audit.proof(question.eventId) };
        case 'receipt':
          return { kind: 'proof', proof: await this.#receipt(question.eventId) };
        case 'settle':
          return { kind: 'settle', settled: await this.settle(question.eventId, question.how, thread) };
        case 'readiness':
          return { kind: 'readiness', readiness: this.readiness() };
        case 'metrics':
          return { kind: 'metrics', text: this.#metricsPage() };
      }
    } catch {
      return { kind: 'lost' };
    }
  }

  /** Made anew four times a second at most. */
  #metricsPage(): string {
    const now = performance.now();
    if (now - this.#pageMs > METRICS_FOR_MS) {
      this.#page = this.metrics();
      this.#pageMs = now;
    }
    return this.#page;
  }

  #receipt(eventId: string): Promise<EventProof | 'unknown' | 'unsigned'> {
    return this.#options.audit.proofWhenSigned(eventId, RECEIPT_TIMEOUT_MS);
  }
}
