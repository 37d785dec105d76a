// Between the sidecar and the state thread of the writer process, on a duplex pipe. A frame is its length (u32, of what
// follows), its type (u8), the number of the request (u32) and a body; all numbers are little endian.

import { StateFault } from './state-fault.ts';

/** Longest record of an account: far more than its bounded sets of names can take. */
export const MAX_RECORD_BYTES = 1024 * 1024;
export const KEY_BYTES = 16;

const LENGTH_BYTES = 4;
const HEAD_BYTES = 5;
const MAX_FRAME_BYTES = HEAD_BYTES + KEY_BYTES + MAX_RECORD_BYTES;
const NOTHING: Uint8Array = new Uint8Array(0);

/** Types of frames: requests below 16, answers from there. */
export const FRAME = {
  /** Body: key. Answered by `loaded`, `absent` or `failed`. */
  load: 1,
  /** Body: key and record. Answered by `saved` or `failed`. */
  save: 2,
  /** Body: record. */
  loaded: 16,
  absent: 17,
  saved: 18,
  /** Body: why, in UTF-8. */
  failed: 19,
  /** Request 0: everything is on disk and the store is closed; the last frame. */
  closed: 20,
} as const;

export interface Frame {
  readonly type: number;
  readonly id: number;
  /** A view of what was received: copy what is kept. */
  readonly body: Uint8Array;
}

/** The bytes of one frame, with copies of `head` and `body`. */
export function encodeFrame(type: number, id: number, head = NOTHING, body = NOTHING): Buffer {
  const start = LENGTH_BYTES + HEAD_BYTES;
  const frame = Buffer.allocUnsafe(start + head.length + body.length);
  frame.writeUInt32LE(frame.length - LENGTH_BYTES, 0);
  frame.writeUInt8(type, LENGTH_BYTES);
  frame.writeUInt32LE(id, LENGTH_BYTES + 1);
  frame.set(head, start);
  frame.set(body, start + head.length);
  return frame;
}

/** Cuts a flow of bytes into frames. What is incomplete at its end was never handed over. */
export class FrameSplitter {
  #rest: Buffer[] = [];
  #restBytes = 0;
  #wantedBytes = LENGTH_BYTES;

  /**
   * The frames that end in this chunk.
   *
   * @throws StateFault for a length that no frame has: one side is broken
   */
  push(chunk: Uint8Array): Frame[] {
    this.#rest.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.#restBytes += chunk.length;
    const frames: Frame[] = [];
    // Joined only once a frame is whole, so that a long one in many chunks is not copied for each of them.
    if (this.#restBytes < this.#wantedBytes) return frames;
    const bytes = Buffer.concat(this.#rest, this.#restBytes);
    let offset = 0;
    this.#wantedBytes = LENGTH_BYTES;
    while (bytes.length - offset >= LENGTH_BYTES) {
      const length = bytes.readUInt32LE(offset);
      if (length < HEAD_BYTES || length > MAX_FRAME_BYTES) {
        throw new StateFault(`was sent a frame of ${length} bytes`);
      }
      this.#wantedBytes = LENGTH_BYTES + length;
      if (bytes.length - offset < this.#wantedBytes) break;
      const head = offset + LENGTH_BYTES;
      frames.push({
        type: bytes.readUInt8(head),
        id: bytes.readUInt32LE(head + 1),
        body: bytes.subarray(head + HEAD_BYTES, head + length),
      });
      offset += this.#wantedBytes;
      this.#wantedBytes = LENGTH_BYTES;
    }
    this.#rest = [bytes.subarray(offset)];
    this.#restBytes = bytes.length - offset;
    return frames;
  }
}
