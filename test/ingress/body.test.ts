import { describe, expect, it } from 'vitest';
import { BodyCollector, BodyMemory } from '../../src/ingress/body.ts';

const MIB = 1024 * 1024;

describe('the body of a request', () => {
  it('is put together in a buffer of its own', () => {
    const given = Uint8Array.of(1, 2, 3);
    const body = new BodyCollector(new BodyMemory(), 10);
    expect(body.add(given)).toBe('taken');
    expect(body.add(Uint8Array.of(4))).toBe('taken');
    given.fill(9);
    const bytes = body.bytes();
    expect([...bytes]).toEqual([1, 2, 3, 4]);
    expect(bytes.buffer.byteLength).toBe(4);
  });

  it('takes no more room where it comes byte by byte', () => {
    const memory = new BodyMemory(8192);
    const body = new BodyCollector(memory, 4096);
    for (let byte = 0; byte < 4096; byte++) expect(body.add(Uint8Array.of(byte))).toBe('taken');
    expect(memory.take(4096)).toBe(true);
    expect(memory.take(1)).toBe(false);
    expect([...body.bytes().subarray(254, 258)]).toEqual([254, 255, 0, 1]);
  });

  it('is read and dropped where it is a little too long, and read no further where it is much', () => {
    const body = new BodyCollector(new BodyMemory(), 4);
    expect(body.add(new Uint8Array(4))).toBe('taken');
    expect(body.tooLong).toBe(false);
    expect(body.add(new Uint8Array(1))).toBe('dropped');
    expect(body.tooLong).toBe(true);
    expect(body.add(new Uint8Array(MIB - 1))).toBe('dropped');
    expect(body.add(new Uint8Array(1))).toBe('enough');
  });

  it('has only the room that others leave, and gives its own back', () => {
    const memory = new BodyMemory(10);
    const [first, second, third] = [1, 2, 3].map(() => new BodyCollector(memory, 10));
    expect(first?.add(new Uint8Array(6))).toBe('taken');
    expect(second?.add(new Uint8Array(4))).toBe('taken');
    expect(second?.add(new Uint8Array(1))).toBe('dropped');
    expect([second?.crowded, second?.tooLong]).toEqual([true, false]);
    // What it held is free already, and what still comes of it is not taken.
    expect(second?.add(new Uint8Array(1))).toBe('dropped');
    expect(third?.add(new Uint8Array(4))).toBe('taken');
    expect(third?.add(new Uint8Array(1))).toBe('dropped');
    first?.free();
    first?.free();
    second?.free();
    third?.free();
    expect(new BodyCollector(memory, 10).add(new Uint8Array(10))).toBe('taken');
    expect(memory.take(1)).toBe(false);
  });
});
