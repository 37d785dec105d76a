import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { StateUnusable } from '@firma/core';
import type { AuditPort, AuditRecord, DecisionLine } from '@firma/core';
import { eventsFile } from '../store/log-files.ts';
import type { WriterArguments, WriterMessage } from '../store/messages.ts';
import type { StateClient } from '../store/state-client.ts';
import type { EventProof } from './event-proof.ts';
import { EventProofs } from './event-proofs.ts';
import { Gaps } from './gap.ts';
import { LogProgress } from './log-progress.ts';
import { AuditQueue, HOME } from './queue.ts';
import type { SharedQueue } from './queue.ts';
import { RingMerge } from './ring-merge.ts';
import { CLOSING, DOWN, makeRing, makeSharedCells, OPEN, STATE } from './ring.ts';
import { logUnavailable } from './waiters.ts';
import { WriterChannel } from './writer-channel.ts';

const DEFAULT_MAX_QUEUED = 8_192;
const MAX_QUEUED_BYTES = 32 * 1024 * 1024;
/** However many threads there are, each has room for so much. */
const MIN_QUEUED_OF_THREAD = 1_024;
const MIN_BYTES_OF_THREAD = 4 * 1024 * 1024;
/** How long a close waits for a thread in the middle of a hand-over, and for a writer with a full queue. */
const MAX_CLOSE_WAIT_MS = 5_000;

export interface AuditPipelineOptions {
  /** Directory of this run's log; made with mode 0700 where it is missing. */
  readonly runDir: string;
  /** Signing key of the log; made with mode 0600 where it is missing. */
  readonly keyFile: string;
  /** Names this one log in its checkpoints: one line, another for every run directory. */
  readonly origin: string;
  readonly sidecarId: string;
  /** When `written` is satisfied: once the writer can no longer lose the record with the sidecar, or on disk. */
  readonly fsync: 'checkpoint' | 'always';
  /**
   * Whether the writer process also holds a state store, in `store/` of the run directory; `reset` moves the one that is
   * there aside first. None where absent.
   */
  readonly state?: 'open' | 'reset' | undefined;
  /** Most records under way to the writer; 8,192. With 32 MB, shared out over the threads in equal parts. */
  readonly maxQueued?: number;
  /** How many threads append, the one that starts it among them; 1. Each gets 1,024 records and 4 MB at least. */
  readonly threads?: number;
  /** Told why records are not accepted any more: for good where the writer is gone, else until the disk recovers. */
  readonly onUnavailable?: (detail: string) => void;
}

/** Counters since the start, of all threads together. */
export interface AuditStats {
  readonly accepted: number;
  readonly refused: number;
  /** Refused and not yet told in a `gap` record. */
  readonly lost: number;
  /** Accepted and not yet acknowledged, in records and bytes. */
  readonly queued: number;
  readonly queuedBytes: number;
  readonly written: number;
  readonly synced: number;
}

/**
 * The sidecar's side of the log: accepts records in one synchronous step and hands them to the writer process.
 *
 * Each deciding thread appends to a queue of its own; this one, on the thread that holds the pipe, joins them. What is
 * appended in one turn of the event loop goes out together at its end: a write to a pipe costs more than a decision, and an
 * ALLOW that waits for it waits for the rest of that turn at most.
 * A queue refuses when the writer is behind by its part of `maxQueued`, when one session holds an eighth of that part,
 * and for good once the writer is gone.
 */
export class AuditPipeline implements AuditPort {
  readonly #channel: WriterChannel;
  readonly #waitsForDisk: boolean;
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  readonly #onUnavailable: ((detail: string) => void) | undefined;
  readonly #gaps: Gaps;
  readonly #cells = makeSharedCells();
  readonly #state = new Int32Array(this.#cells);
  readonly #merge: RingMerge;
  readonly #own: AuditQueue;
  readonly #progress = new LogProgress();
  readonly #listeners = new Map<number, () => void>();
  readonly #tell = (thread: number): void => {
    if (thread === HOME) this.#own.acknowledged();
    else this.#listeners.get(thread)?.();
  };
  #proofs: EventProofs | undefined;
  /** Of threads that ended. */
  #lostBefore = 0;
  #isGone = false;
  #closing: Promise<void> | undefined;

  private constructor(options: AuditPipelineOptions, channel: WriterChannel) {
    const { maxQueued = DEFAULT_MAX_QUEUED, threads = 1 } = options;
    this.#channel = channel;
    this.#waitsForDisk = options.fsync === 'always';
    this.#gaps = new Gaps(options.sidecarId);
    this.#onUnavailable = options.onUnavailable;
    this.#maxRecords = Math.max(Math.floor(maxQueued / threads), Math.min(maxQueued, MIN_QUEUED_OF_THREAD));
    this.#maxBytes = Math.max(Math.floor(MAX_QUEUED_BYTES / threads), MIN_BYTES_OF_THREAD);
    this.#merge = new RingMerge(this.#cells, threads * this.#maxRecords);
    this.#own = new AuditQueue(this.openQueue(HOME), () => this.drain());
  }

  /**
   * Starts the writer process and opens the log, and the state store where one is asked for.
   *
   * @throws StartFailed where the directory is in use, the key cannot be read, or an existing log does not verify;
   *   StateUnusable for a state store that is damaged, of a newer format, or cannot be written
   */
  static async start(options: AuditPipelineOptions): Promise<AuditPipeline> {
    const { runDir, keyFile, origin, sidecarId, fsync, state = 'none' } = options;
    const args: WriterArguments = { runDir, keyFile, origin, sidecarId, fsync, state };
    const channel = new WriterChannel(args);
    const pipeline = new AuditPipeline(options, channel);
    await channel.start((message) => pipeline.#receive(message));
    const { size: runStart } = await stat(join(runDir, eventsFile(0)));
    pipeline.#proofs = new EventProofs({ runDir, runStart }, pipeline.#progress);
    Atomics.store(pipeline.#state, STATE, OPEN);
    void channel.exited.then((why) => pipeline.#gone(why));
    return pipeline;
  }

  /** Whether records are accepted, as far as the writer goes. */
  get isOpen(): boolean {
    return Atomics.load(this.#state, STATE) === OPEN;
  }

  /** Process id of the writer. */
  get writerPid(): number | undefined {
    return this.#channel.pid;
  }

  /** The state store in the writer process, where one was asked for; `close` closes it. */
  get state(): StateClient | undefined {
    return this.#channel.state;
  }

  get stats(): AuditStats {
    let accepted = this.#merge.taken;
    let lost = this.#lostBefore;
    let queuedBytes = 0;
    for (const ring of this.#merge.rings()) {
      accepted += ring.waiting;
      lost += ring.lost;
      queuedBytes += ring.queuedBytes;
    }
    const queued = this.#merge.underWay + accepted - this.#merge.taken;
    const { written, synced } = this.#progress;
    const { refused } = this.#merge;
    return { accepted, refused, lost, queued, queuedBytes, written, synced };
  }

  /** @returns false where the record is not accepted: the call it stands for must be denied */
  append(record: AuditRecord | DecisionLine): boolean {
    return this.#own.append(record);
  }

  /** As `AuditQueue.written`, for what this thread appended. */
  written(): Promise<void> | undefined {
    this.drain();
    if (this.#channel.isBroken) return Promise.reject(logUnavailable());
    return this.#own.written();
  }

  /**
   * Makes the queue of another thread: what its `AuditQueue` is made from.
   *
   * @param thread 1 or more; one that has no queue, or whose earlier owner ended
   * @throws StateUnusable where too many ended threads have records that the writer does not take
   */
  openQueue(thread: number): SharedQueue {
    const ring = makeRing(this.#maxRecords, this.#maxBytes);
    this.#merge.add(thread, ring);
    return {
      thread,
      shared: this.#cells,
      ring,
      maxRecords: this.#maxRecords,
      maxBytes: this.#maxBytes,
    };
  }

  /** Has a thread told that records of it are safe, or that none are taken any more: it calls `AuditQueue.acknowledged`. */
  onAcknowledged(thread: number, listener: () => void): void {
    this.#listeners.set(thread, listener);
  }

  /** A thread is gone: what it handed over gets to the log, what it did not is told in a `gap` record. */
  threadEnded(thread: number): void {
    this.#listeners.delete(thread);
    this.drain();
    const ring = this.#merge.end(thread);
    if (ring === undefined) return;
    // It died between a ticket and its record.
    this.#lostBefore += ring.takeLost() + (ring.isHandingOver ? 1 : 0);
    this.#reportLost(true);
  }

  /** Hands everything that all threads appended to the writer. Called when a thread asks for it. */
  drain(): void {
    const batch = this.#merge.take();
    if (batch === undefined) return;
    this.#channel.send(batch);
  }

  /**
   * What shows that a record is in this log.
   *
   * @returns `unsigned` where no checkpoint covers it yet; `unknown` where there is none with this id, or not yet, or where
   *   the id is no UUIDv7
   * @throws StateUnusable where the log cannot be read, or too many proofs are asked for
   */
  async proof(eventId: string): Promise<EventProof | 'unknown' | 'unsigned'> {
    const answer = await this.#prover.ask(eventId);
    return answer.kind === 'proof' ? answer.proof : answer.kind;
  }

  /** As `proof` for a record that any thread has appended; waits for a checkpoint over it, which comes about every second. */
  async proofWhenSigned(eventId: string, timeoutMs: number): Promise<EventProof | 'unknown' | 'unsigned'> {
    this.drain();
    return this.#prover.whenSigned(eventId, this.#merge.taken + this.#merge.waiting, timeoutMs);
  }

  get #prover(): EventProofs {
    if (this.#proofs === undefined) throw new StateUnusable('the audit log is not open');
    return this.#proofs;
  }

  /**
   * Stops cleanly: everything accepted is on disk and under a signed checkpoint, everything saved is in the state store,
   * the writer has ended. No thread can append any more.
   *
   * @throws StateUnusable where that cannot be said
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#reportLost(true);
    Atomics.compareExchange(this.#state, STATE, OPEN, CLOSING);
    await this.#drainAll();
    const stateClosed = this.state?.close();
    // Looked at below, also where it rejects before the process has ended.
    stateClosed?.catch(() => {});
    const why = await this.#channel.close();
    await this.#proofs?.close();
    if (why !== undefined)
      throw new StateUnusable(`the audit log was not closed cleanly: the writer ended, ${why}`);
    await stateClosed;
  }

  async #drainAll(): Promise<void> {
    const giveUpAt = performance.now() + MAX_CLOSE_WAIT_MS;
    for (;;) {
      const isSettled = !this.#merge.rings().some((ring) => ring.isHandingOver);
      this.drain();
      if (isSettled && this.#merge.waiting === 0) return;
      if (this.#isGone || performance.now() > giveUpAt) return;
      await wait(1);
    }
  }

  #receive(message: WriterMessage): void {
    switch (message.type) {
      case 'ack': {
        const safe = this.#waitsForDisk ? message.synced : message.written;
        this.#merge.acknowledge(safe - this.#merge.acknowledged, this.#tell);
        this.#progress.told(message);
        this.#reportLost(false);
        // What did not fit before.
        if (this.#merge.waiting > 0) this.drain();
        return;
      }
      case 'up':
        if (this.#isGone || this.#closing !== undefined) return;
        Atomics.store(this.#state, STATE, OPEN);
        this.#reportLost(true);
        return;
      case 'down':
      case 'failed':
        this.#stop(message.detail);
        return;
      case 'ready':
      case 'refused':
      // The channel itself takes these at the start.
    }
  }

  /**
   * Tells the log how many records it did not get, now that it takes some again.
   *
   * @param always also those of a queue that is more than half full, which may lose the next ones
   */
  #reportLost(always: boolean): void {
    if (Atomics.load(this.#state, STATE) !== OPEN || !this.#own.hasRoom) return;
    let lost = this.#lostBefore;
    this.#lostBefore = 0;
    for (const ring of this.#merge.rings()) {
      if (ring.lost > 0 && (always || 2 * (ring.waiting + ring.unacknowledged) <= this.#maxRecords)) {
        lost += ring.takeLost();
      }
    }
    if (lost > 0 && !this.#own.append(this.#gaps.make(lost))) this.#lostBefore += lost;
  }

  #gone(why: string | undefined): void {
    this.#isGone = true;
    this.#progress.over();
    if (this.#closing === undefined) this.#stop(`the writer process ended, ${why ?? 'unasked'}`);
    else this.#setDown();
  }

  #stop(detail: string): void {
    const wasOpen = Atomics.load(this.#state, STATE) === OPEN;
    this.#setDown();
    if (wasOpen) this.#onUnavailable?.(detail);
  }

  #setDown(): void {
    Atomics.store(this.#state, STATE, DOWN);
    this.#own.acknowledged();
    for (const listener of this.#listeners.values()) listener();
  }
}
