import { randomBytes } from 'node:crypto';
import { EventIds, MonotonicClock, StateUnusable } from '@firma/core';
import type { AuditPort, AuditRecord, GapRecord } from '@firma/core';
import type { WriterArguments, WriterMessage } from '../store/messages.ts';
import type { StateClient } from '../store/state-client.ts';
import { systemClock } from '../wall-clock.ts';
import { Outstanding } from './outstanding.ts';
import { serialize } from './serialize.ts';
import { WriterChannel } from './writer-channel.ts';

const DEFAULT_MAX_QUEUED = 8_192;
const MAX_QUEUED_BYTES = 32 * 1024 * 1024;
/** How long an ALLOW waits for a writer that is stopped or whose disk hangs. */
const MAX_WAIT_MS = 5000;

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
  /** Most records under way to the writer; 8,192. */
  readonly maxQueued?: number;
  /** Told why records are not accepted any more: for good where the writer is gone, else until the disk recovers. */
  readonly onUnavailable?: (detail: string) => void;
}

/** Counters since the start. */
export interface AuditStats {
  readonly accepted: number;
  readonly refused: number;
  /** Refused and not yet told in a `gap` record. */
  readonly lost: number;
  /** Accepted and not yet acknowledged, in records and UTF-16 units. */
  readonly queued: number;
  readonly queuedBytes: number;
  readonly written: number;
  readonly synced: number;
}

interface Waiter {
  readonly ordinal: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  timer: NodeJS.Timeout | undefined;
}

/**
 * The sidecar's side of the log: accepts records in one synchronous step and hands them to the writer process.
 *
 * What is appended in one turn of the event loop goes out together at its end: a write to a pipe costs more than a
 * decision, and an ALLOW that waits for it waits for the rest of that turn at most.
 * It refuses when the writer is behind by `maxQueued` records, when one session holds an eighth of that, and for good
 * once the writer is gone.
 */
export class AuditPipeline implements AuditPort {
  readonly #channel: WriterChannel;
  readonly #waitsForDisk: boolean;
  readonly #sidecarId: string;
  readonly #outstanding: Outstanding;
  readonly #maxQueued: number;
  readonly #onUnavailable: ((detail: string) => void) | undefined;
  readonly #ids = new EventIds(randomBytes);
  readonly #clock = new MonotonicClock(systemClock());
  readonly #flush = (): void => this.#send();
  readonly #waiters: Waiter[] = [];
  // The last record of each batch that is on its way to the kernel.
  #batch = '';
  #accepted = 0;
  #written = 0;
  #synced = 0;
  #refused = 0;
  #lost = 0;
  #isOpen = false;
  #isGone = false;
  #closing: Promise<void> | undefined;

  private constructor(options: AuditPipelineOptions, channel: WriterChannel) {
    this.#channel = channel;
    this.#waitsForDisk = options.fsync === 'always';
    this.#sidecarId = options.sidecarId;
    this.#maxQueued = options.maxQueued ?? DEFAULT_MAX_QUEUED;
    this.#outstanding = new Outstanding(this.#maxQueued, MAX_QUEUED_BYTES);
    this.#onUnavailable = options.onUnavailable;
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
    pipeline.#isOpen = true;
    void channel.exited.then((why) => pipeline.#gone(why));
    return pipeline;
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
    return {
      accepted: this.#accepted,
      refused: this.#refused,
      lost: this.#lost,
      queued: this.#outstanding.count,
      queuedBytes: this.#outstanding.bytes,
      written: this.#written,
      synced: this.#synced,
    };
  }

  /** @returns false where the record is not accepted: the call it stands for must be denied */
  append(record: AuditRecord): boolean {
    const session = record.kind === 'decision' ? record.session_id : undefined;
    if (this.#isOpen && this.#outstanding.hasRoom(session)) {
      const line = serialize(record);
      if (line !== undefined) {
        this.#accept(line, session);
        return true;
      }
    }
    this.#refused += 1;
    this.#lost += 1;
    return false;
  }

  /**
   * When everything appended so far is as safe as `fsync` asks for: written by the writer, or on disk. A record that is
   * only on its way is lost where the writer dies, and nothing would show it.
   *
   * @returns undefined where it already is; a promise that rejects with StateUnusable where the writer cannot do it
   */
  written(): Promise<void> | undefined {
    this.#send();
    if (!this.#isOpen || this.#channel.isBroken) return Promise.reject(this.#unavailable());
    if ((this.#waitsForDisk ? this.#synced : this.#written) === this.#accepted) return undefined;
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { ordinal: this.#accepted, resolve, reject, timer: undefined };
      waiter.timer = setTimeout(() => this.#giveUp(waiter), MAX_WAIT_MS);
      this.#waiters.push(waiter);
    });
  }

  /**
   * Stops cleanly: everything accepted is on disk and under a signed checkpoint, everything saved is in the state store,
   * the writer has ended.
   *
   * @throws StateUnusable where that cannot be said
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#reportLost();
    this.#send();
    this.#isOpen = false;
    const stateClosed = this.state?.close();
    // Looked at below, also where it rejects before the process has ended.
    stateClosed?.catch(() => {});
    const why = await this.#channel.close();
    if (why !== undefined)
      throw new StateUnusable(`the audit log was not closed cleanly: the writer ended, ${why}`);
    await stateClosed;
  }

  #accept(line: string, session: string | undefined): void {
    this.#outstanding.take(session, line.length);
    this.#accepted += 1;
    if (this.#batch === '') setImmediate(this.#flush);
    this.#batch += line;
  }

  #send(): void {
    if (this.#batch === '') return;
    const batch = this.#batch;
    this.#batch = '';
    this.#channel.send(batch);
  }
  #releaseWaiters(upTo: number): void {
    for (
      let first = this.#waiters[0];
      first !== undefined && first.ordinal <= upTo;
      first = this.#waiters[0]
    ) {
      this.#waiters.shift();
      clearTimeout(first.timer);
      first.resolve();
    }
  }

  #receive(message: WriterMessage): void {
    switch (message.type) {
      case 'ack':
        this.#outstanding.settle(message.written - this.#written);
        this.#written = message.written;
        this.#synced = message.synced;
        this.#releaseWaiters(this.#waitsForDisk ? this.#synced : this.#written);
        if (this.#outstanding.count * 2 <= this.#maxQueued) this.#reportLost();
        return;
      case 'up':
        this.#isOpen = !this.#isGone && this.#closing === undefined;
        this.#reportLost();
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

  /** Tells the log how many records it did not get, now that it takes some again. */
  #reportLost(): void {
    if (this.#lost === 0 || !this.#isOpen || !this.#outstanding.hasRoom(undefined)) return;
    const now = this.#clock.nowMs();
    const gap: GapRecord = {
      v: 1,
      kind: 'gap',
      event_id: this.#ids.next(now),
      time: this.#clock.rfc3339(now),
      sidecar_id: this.#sidecarId,
      lost: this.#lost,
    };
    const line = serialize(gap);
    if (line === undefined) return;
    this.#lost = 0;
    this.#accept(line, undefined);
  }

  #gone(why: string | undefined): void {
    this.#isGone = true;
    if (this.#closing === undefined) this.#stop(`the writer process ended, ${why ?? 'unasked'}`);
    this.#rejectWaiters();
  }

  #stop(detail: string): void {
    const wasOpen = this.#isOpen;
    this.#isOpen = false;
    this.#rejectWaiters();
    if (wasOpen) this.#onUnavailable?.(detail);
  }

  /** A writer that does not answer is not waited for: the call is denied. */
  #giveUp(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter);
    if (index !== -1) this.#waiters.splice(index, 1);
    waiter.reject(this.#unavailable());
  }

  #rejectWaiters(): void {
    for (const { reject, timer } of this.#waiters.splice(0)) {
      clearTimeout(timer);
      reject(this.#unavailable());
    }
  }

  #unavailable(): StateUnusable {
    return new StateUnusable('the audit log does not take records; no call can be allowed');
  }
}
