import { FirmaError, LineSplitter, LogInvalid } from '@firma/core';
import type { LogWriter } from './log-writer.ts';
import type { WriterMessage } from './messages.ts';

const CHECKPOINT_INTERVAL_MS = 800;
const RETRY_MS = 100;
/** At the end a full disk is given this long to take what is left. */
const FINISH_TIMEOUT_MS = 5_000;

const decoder = new TextDecoder('utf-8', { fatal: true });

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseRecord(line: Uint8Array): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(decoder.decode(line));
  if (!isRecord(value)) throw new LogInvalid('a line from the sidecar is no record');
  return value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}

export interface SinkOptions {
  readonly log: LogWriter;
  readonly fsync: 'checkpoint' | 'always';
  readonly tell: (message: WriterMessage) => void;
  /** Called once where the log cannot go on. */
  readonly onFailed: () => void;
}

/**
 * Takes the records of one sidecar into its log: writes each batch as it comes, syncs and signs in time, says how far
 * it is. What a full disk does not take is kept and tried again; the sidecar, once told, sends no more, and it never has
 * more than its own bound under way.
 */
export class RecordSink {
  readonly #options: SinkOptions;
  readonly #splitter = new LineSplitter();
  #taken = 0;
  #written = 0;
  #synced = 0;
  #isDown = false;
  #isFinishing = false;
  #hasFailed = false;
  #syncing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: SinkOptions) {
    this.#options = options;
  }

  receive(chunk: Uint8Array): void {
    if (this.#hasFailed) return;
    const { log } = this.#options;
    try {
      for (const line of this.#splitter.push(chunk)) {
        if (!log.addCanonical(line)) log.add(parseRecord(line));
        this.#taken += 1;
      }
    } catch (error) {
      // The sidecar checks what it sends, so a line that is no record means that one of the two is broken.
      this.#fail(error);
      return;
    }
    this.#write();
  }

  /**
   * The flow ended: writes, syncs and signs what is left.
   *
   * @returns whether everything is on disk and under a checkpoint
   */
  async finish(): Promise<boolean> {
    this.#isFinishing = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    const giveUpAt = Date.now() + FINISH_TIMEOUT_MS;
    // The sidecar died while it handed over a record: that one is lost, and the log says so.
    if (!this.#hasFailed && this.#splitter.tornBytes > 0) this.#options.log.addOwn({ kind: 'gap', lost: 1 });
    while (!this.#hasFailed) {
      try {
        await this.#syncing;
        await this.#options.log.finish();
        this.#written = this.#taken;
        this.#synced = this.#taken;
        this.#tellProgress();
        return true;
      } catch (error) {
        if (error instanceof FirmaError || Date.now() > giveUpAt) this.#fail(error);
        else await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    return false;
  }

  #write(): void {
    try {
      this.#options.log.write();
    } catch (error) {
      this.#goDown(error);
      return;
    }
    this.#written = this.#taken;
    this.#comeUp();
    this.#tellProgress();
    if (this.#options.fsync === 'always' || this.#options.log.isCheckpointDue) this.#startSync(false);
    this.#timer ??= setTimeout(() => this.#startSync(true), CHECKPOINT_INTERVAL_MS);
  }

  #startSync(signAll: boolean): void {
    if (signAll) this.#timer = undefined;
    if (this.#isFinishing || this.#hasFailed) return;
    if (this.#syncing !== undefined || this.#isDown) {
      // What runs now may have begun too early for the last records: the timer looks again.
      if (signAll) this.#timer = setTimeout(() => this.#startSync(true), RETRY_MS);
      return;
    }
    this.#syncing = this.#sync(signAll).finally(() => {
      this.#syncing = undefined;
      const { log, fsync } = this.#options;
      if (log.isCheckpointDue || (fsync === 'always' && this.#synced < this.#written)) this.#startSync(false);
    });
  }

  async #sync(signAll: boolean): Promise<void> {
    const written = this.#written;
    try {
      await this.#options.log.sync(signAll);
      this.#synced = written;
      this.#tellProgress();
    } catch (error) {
      if (error instanceof FirmaError) this.#fail(error);
      else this.#goDown(error);
    }
  }

  #tellProgress(): void {
    const { signedSize: signed } = this.#options.log;
    this.#options.tell({ type: 'ack', written: this.#written, synced: this.#synced, signed });
  }

  #goDown(error: unknown): void {
    if (!this.#isDown) {
      this.#isDown = true;
      this.#options.tell({ type: 'down', detail: messageOf(error) });
    }
    clearTimeout(this.#retry);
    if (!this.#isFinishing) this.#retry = setTimeout(() => this.#write(), RETRY_MS);
  }

  #comeUp(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#options.tell({ type: 'up' });
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#retry);
    this.#options.tell({ type: 'failed', detail: messageOf(error) });
    this.#options.onFailed();
  }
}
