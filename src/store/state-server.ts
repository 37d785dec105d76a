import type { Readable, Writable } from 'node:stream';
import type { Entry, StateDatabase } from './state-database.ts';
import { StateFault } from './state-fault.ts';
import { encodeFrame, FRAME, FrameSplitter, KEY_BYTES } from './state-frames.ts';
import type { Frame } from './state-frames.ts';

/** Most saves of one transaction: the answers of those before it wait for it. */
const MAX_BATCH = 1_024;
/** Requests are not read while so many bytes of answers are unread. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;
const SYNC_INTERVAL_MS = 1_000;

interface Save extends Entry {
  readonly id: number;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error';
}

function keyOf(body: Uint8Array): Buffer {
  if (body.length < KEY_BYTES) throw new StateFault('was sent a request without a key');
  return Buffer.from(body.buffer, body.byteOffset, KEY_BYTES);
}

/**
 * Answers the requests of one sidecar, in their order: what has arrived when a turn begins goes into the store together.
 * What a full disk does not take is refused, and the next batch is tried again.
 */
export class StateServer {
  readonly #database: StateDatabase;
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #syncs: boolean;
  readonly #splitter = new FrameSplitter();
  #requests: Frame[] = [];
  #batch: Save[] = [];
  readonly #batchKeys = new Set<string>();
  #answers: Buffer[] = [];
  #working: Promise<void> | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> | undefined;

  /**
   * Serves the requests that come in.
   *
   * @param output apart from `input`: that nobody hears the answers any more ends no request
   * @param syncs whether a commit is not yet on disk, so that a sync follows it within a second
   */
  constructor(database: StateDatabase, input: Readable, output: Writable, syncs: boolean) {
    this.#database = database;
    this.#input = input;
    this.#output = output;
    this.#syncs = syncs;
    input.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  /**
   * Applies every request that has arrived whole, puts the store on disk and closes it. Rejects with the error of the
   * disk.
   */
  async finish(): Promise<void> {
    await this.#working;
    await this.#syncing;
    clearTimeout(this.#syncTimer);
    try {
      if (this.#syncs) await this.#database.sync();
    } finally {
      await this.#database.close();
    }
    this.#output.write(encodeFrame(FRAME.closed, 0));
  }

  /** The sidecar checks what it sends: what is no frame ends the thread, and the log goes on without it. */
  #receive(chunk: Buffer): void {
    for (const frame of this.#splitter.push(chunk)) this.#requests.push(frame);
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
  }

  async #work(): Promise<void> {
    // What else has arrived by the end of this turn goes into the same transaction.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#requests.length > 0) {
      const requests = this.#requests;
      this.#requests = [];
      for (const request of requests) await this.#take(request);
      if (this.#batch.length > 0) await this.#commit();
      await this.#answer();
    }
  }

  /** Awaits only where it commits. */
  #take(request: Frame): Promise<void> | undefined {
    const { type, id, body } = request;
    switch (type) {
      case FRAME.save: {
        const key = keyOf(body);
        this.#batch.push({ id, key, record: body.subarray(KEY_BYTES) });
        this.#batchKeys.add(key.toString('latin1'));
        return this.#batch.length < MAX_BATCH ? undefined : this.#commit();
      }
      case FRAME.load: {
        const key = keyOf(body);
        if (!this.#batchKeys.has(key.toString('latin1'))) return void this.#load(id, key);
        return this.#commit().then(() => this.#load(id, key));
      }
      default:
        throw new StateFault(`was sent a request of type ${type}`);
    }
  }

  #load(id: number, key: Buffer): void {
    try {
      const record = this.#database.load(key);
      const type = record === undefined ? FRAME.absent : FRAME.loaded;
      this.#answers.push(encodeFrame(type, id, record));
    } catch (error) {
      this.#refuse(id, error);
    }
  }

  async #commit(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchKeys.clear();
    try {
      if (this.#database.hasFailed) await this.#reopen();
      this.#database.save(batch);
    } catch (error) {
      for (const { id } of batch) this.#refuse(id, error);
      return;
    }
    for (const { id } of batch) this.#answers.push(encodeFrame(FRAME.saved, id));
    if (this.#syncs) this.#syncSoon();
  }

  /** INVARIANT: no sync runs while the environment is closed. */
  async #reopen(): Promise<void> {
    await this.#syncing;
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    await this.#database.reopen();
  }

  #syncSoon(): void {
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      // One that runs may have begun too early for the last batch.
      if (this.#syncing === undefined) this.#syncing = this.#sync();
      else this.#syncSoon();
    }, SYNC_INTERVAL_MS);
  }

  /** No answer rests on it: what it could not put on disk, the next one tries again. */
  async #sync(): Promise<void> {
    try {
      await this.#database.sync();
    } catch {
      this.#syncSoon();
    } finally {
      this.#syncing = undefined;
    }
  }

  #refuse(id: number, error: unknown): void {
    this.#answers.push(encodeFrame(FRAME.failed, id, Buffer.from(messageOf(error))));
  }

  async #answer(): Promise<void> {
    const answers = Buffer.concat(this.#answers);
    this.#answers = [];
    if (this.#output.destroyed) return;
    this.#output.write(answers);
    if (this.#output.writableLength <= MAX_UNREAD_BYTES) return;
    this.#input.pause();
    await new Promise<void>((resolve) => {
      this.#output.once('drain', resolve);
      this.#output.once('close', resolve);
    });
    this.#input.resume();
  }
}
