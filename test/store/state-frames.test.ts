import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FRAME, FrameSplitter, MAX_RECORD_BYTES } from '../../src/store/state-frames.ts';
import type { Frame } from '../../src/store/state-frames.ts';

const frames = fc.array(
  fc.record({
    type: fc.integer({ min: 0, max: 255 }),
    id: fc.nat(),
    body: fc.uint8Array({ maxLength: 300 }),
  }),
  { maxLength: 20 },
);

function encode(list: readonly Frame[]): Buffer {
  return Buffer.concat(list.map(({ type, id, body }) => encodeFrame(type, id, undefined, body)));
}

/** The frames in `bytes`, handed over in pieces of these lengths, over and over. */
function split(bytes: Buffer, lengths: readonly number[]): Frame[] {
  const splitter = new FrameSplitter();
  const found: Frame[] = [];
  for (let offset = 0, i = 0; offset < bytes.length; i++) {
    const end = offset + (lengths[i % lengths.length] ?? 1);
    found.push(...splitter.push(bytes.subarray(offset, end)));
    offset = end;
  }
  return found.map(({ type, id, body }) => ({ type, id, body: Uint8Array.from(body) }));
}

const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 10 });

describe('FrameSplitter', () => {
  it('finds the frames of a flow however it is cut', () => {
    fc.assert(
      fc.property(frames, lengths, (list, cuts) => {
        expect(split(encode(list), cuts)).toEqual(list);
      }),
    );
  });

  it('gives every frame that is whole, and nothing of one that is torn', () => {
    fc.assert(
      fc.property(frames, fc.nat(), lengths, (list, at, cuts) => {
        const bytes = encode(list);
        const end = bytes.length === 0 ? 0 : at % bytes.length;
        let whole = 0;
        for (let size = 0; whole < list.length; whole++) {
          size += encode(list.slice(whole, whole + 1)).length;
          if (size > end) break;
        }
        expect(split(bytes.subarray(0, end), cuts)).toEqual(list.slice(0, whole));
      }),
    );
  });

  it.each([0, 4, MAX_RECORD_BYTES + 100, 0xffff_ffff])('takes no length of %i', (length) => {
    const bytes = Buffer.alloc(64);
    bytes.writeUInt32LE(length);
    expect(() => new FrameSplitter().push(bytes)).toThrow(`a frame of ${length} bytes`);
  });

  it('takes the longest record', () => {
    const frame = encodeFrame(FRAME.save, 1, new Uint8Array(16), new Uint8Array(MAX_RECORD_BYTES));
    expect(split(frame, [65_536])).toHaveLength(1);
  });
});
