import type { Readable, Writable } from 'node:stream';
import { StateUnusable } from '@firma/core';
import { encodeFrame, FRAME, FrameSplitter, MAX_RECORD_BYTES } from './state-frames.ts';
import type { Frame } from './state-frames.ts';

const MAX_REQUESTS = 131_072;
const MAX_QUEUED_BYTES = 128 * 1024 * 1024;
/** A store that says nothing for so long while something waits for it is not waited for. */
const MAX_SILENCE_MS = 5_000;
const CLOSE_TIMEOUT_MS = 15_000;
const KEY = /^[0-9a-f]{32}$/;

interface Request {
  readonly bytes: number;
  readonly resolve: (answer: Frame) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The sidecar's side of the state store in the writer process. Requests of one turn of the event loop leave together, and
 * are answered in their order.
 *
 * Every promise rejects with StateUnusable where the store refuses, is behind by more than is kept, does not answer or is
 * gone. A save that was refused so may still have reached the store.
 */
export class StateClient {
  readonly #input: Writable;
  readonly #output: Readable;
  readonly #splitter = new FrameSplitter();
  readonly #requests = new Map<number, Request>();
  readonly #flush = (): void => this.#send();
  #frames: Buffer[] = [];
  #queuedBytes = 0;
  #lastId = 0;
  #silence: NodeJS.Timeout | undefined;
  /** Why nothing is accepted any more. */
  #gone: string | undefined;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  readonly #ended: Promise<void>;

  /**
   * @param input what the store reads
   * @param output what it answers; a flow that has not been read from
   */
  constructor(input: Writable, output: Readable) {
    this.#input = input;
    this.#output = output;
    output.on('data', (chunk: Buffer) => this.#receive(chunk));
    // The end of the answers says all of it.
    input.on('error', () => {});
    output.on('error', () => {});
    this.#ended = new Promise((resolve) => {
      output.once('close', () => {
        this.#stop('it has ended');
        resolve();
      });
    });
  }

  /** @param key 32 hexadecimal digits @returns what was saved last under it, also by a save that is still on its way */
  async load(key: string): Promise<Uint8Array | undefined> {
    const { type, body } = await this.#request(FRAME.load, keyBytes(key));
    return type === FRAME.absent ? undefined : Uint8Array.from(body);
  }

  /**
   * Resolves once a crash of this process, and of the store's, no longer loses it; with `fsync = "always"` once it is on
   * disk. The record is copied.
   */
  async save(key: string, record: Uint8Array): Promise<void> {
    if (record.length > MAX_RECORD_BYTES) {
      throw new StateUnusable(`a state record is longer than ${MAX_RECORD_BYTES} bytes`);
    }
    await this.#request(FRAME.save, keyBytes(key), record);
  }

  /** Ends the flow; resolves once all of it is on disk and the store is closed. Rejects where that cannot be said. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#send();
    this.#gone ??= 'it was closed';
    this.#input.end();
    const timer = setTimeout(() => this.#output.destroy(), CLOSE_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(timer);
    if (!this.#isClosed) throw new StateUnusable('the state store was not closed cleanly');
  }

  #request(type: number, key: Uint8Array, record?: Uint8Array): Promise<Frame> {
    if (this.#gone !== undefined) return Promise.reject(unusable(this.#gone));
    const frame = encodeFrame(type, (this.#lastId + 1) >>> 0, key, record);
    // What was given up may still be in the pipe.
    const bytes = Math.max(this.#queuedBytes, this.#input.writableLength) + frame.length;
    if (this.#requests.size >= MAX_REQUESTS || bytes > MAX_QUEUED_BYTES) {
      return Promise.reject(unusable('too many requests wait for it'));
    }
    this.#lastId = (this.#lastId + 1) >>> 0;
    if (this.#frames.length === 0) setImmediate(this.#flush);
    this.#frames.push(frame);
    this.#queuedBytes += frame.length;
    this.#silence ??= setTimeout(() => this.#giveUp(), MAX_SILENCE_MS);
    return new Promise((resolve, reject) => {
      this.#requests.set(this.#lastId, { bytes: frame.length, resolve, reject });
    });
  }

  #send(): void {
    if (this.#frames.length === 0) return;
    const frames = this.#frames;
    this.#frames = [];
    if (this.#gone === undefined) this.#input.write(Buffer.concat(frames));
  }

  #receive(chunk: Uint8Array): void {
    let frames: readonly Frame[];
    try {
      frames = this.#splitter.push(chunk);
    } catch {
      this.#output.destroy();
      return;
    }
    for (const frame of frames) this.#settle(frame);
    if (this.#requests.size > 0) this.#silence?.refresh();
    else this.#endSilence();
  }

  #settle(frame: Frame): void {
    if (frame.type === FRAME.closed) this.#isClosed = true;
    const request = this.#requests.get(frame.id);
    // Not there: it was given up.
    if (request === undefined) return;
    this.#requests.delete(frame.id);
    this.#queuedBytes -= request.bytes;
    if (frame.type === FRAME.failed) request.reject(unusable(Buffer.from(frame.body).toString('utf8')));
    else request.resolve(frame);
  }

  #giveUp(): void {
    this.#silence = undefined;
    this.#rejectAll('it does not answer');
  }

  #stop(why: string): void {
    this.#gone ??= why;
    this.#rejectAll(why);
    this.#endSilence();
  }

  #rejectAll(why: string): void {
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    this.#queuedBytes = 0;
    for (const { reject } of requests) reject(unusable(why));
  }

  #endSilence(): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
  }
}

function unusable(why: string): StateUnusable {
  return new StateUnusable(`the state store cannot be used: ${why}`);
}

function keyBytes(key: string): Buffer {
  if (!KEY.test(key)) throw new StateUnusable('a key of the state store is not 32 hexadecimal digits');
  return Buffer.from(key, 'hex');
}
