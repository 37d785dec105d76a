import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBody } from '../src/decode-body.ts';

const FORM = 'amount=1&currency=usd&note=a';
const BOUND = 65_536;
const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };
const CODERS = {
  gzip: (bytes: Uint8Array | string) => gzipSync(bytes),
  br: (bytes: Uint8Array | string) => brotliCompressSync(bytes, FAST),
} as const;

function text(decoded: Uint8Array | undefined): string | undefined {
  return decoded === undefined ? undefined : Buffer.from(decoded).toString();
}

/** A gzip member with another header. */
function gzipWith(flags: number, extra: string): Buffer {
  const member = gzipSync(FORM);
  return Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, flags]),
    member.subarray(4, 10),
    Buffer.from(extra),
    member.subarray(10),
  ]);
}

/** What does not compress, so that what is cut off is no more than what was sent. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

describe.each(['gzip', 'br'] as const)('a whole body in %s', (coding) => {
  const encode = CODERS[coding];

  it('is decoded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(decodeBody(coding, encode(bytes), 'whole')).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('is decoded from a view into a larger buffer', () => {
    const encoded = encode(FORM);
    const around = Buffer.concat([Buffer.from('before'), encoded, Buffer.from('behind')]);
    expect(text(decodeBody(coding, around.subarray(6, 6 + encoded.length), 'whole'))).toBe(FORM);
  });

  it('is decoded up to the bound, and not beyond', () => {
    expect(decodeBody(coding, encode(Buffer.alloc(BOUND)), 'whole')?.length).toBe(BOUND);
    expect(decodeBody(coding, encode(Buffer.alloc(BOUND + 1)), 'whole')).toBeUndefined();
  });

  it('that would be very long is refused', () => {
    const bomb = encode(Buffer.alloc(10_000_000));
    expect(bomb.length).toBeLessThan(BOUND);
    expect(decodeBody(coding, bomb, 'whole')).toBeUndefined();
  });

  it.each([
    ['a second stream', Buffer.concat([encode(FORM), encode('&amount=9')])],
    ['an empty second stream', Buffer.concat([encode(FORM), encode('')])],
    ['bytes behind it', Buffer.concat([encode(FORM), Buffer.from('&amount=9')])],
    ['zeros behind it', Buffer.concat([encode(FORM), Buffer.alloc(3)])],
    ['nothing in it', Buffer.alloc(0)],
    ['no coding', Buffer.from(FORM)],
  ])('with %s is refused', (_, bytes) => {
    expect(decodeBody(coding, bytes, 'whole')).toBeUndefined();
  });

  it('is refused wherever it is cut, and with any byte behind it', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(),
        fc.uint8Array({ minLength: 1 }),
        (bytes, cut, tail) => {
          const encoded = encode(bytes);
          expect(decodeBody(coding, encoded.subarray(0, cut % encoded.length), 'whole')).toBeUndefined();
          expect(decodeBody(coding, Buffer.concat([encoded, tail]), 'whole')).toBeUndefined();
        },
      ),
    );
  });

  it('of any bytes never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.boolean(), (bytes, withHeader) => {
        const input = withHeader ? Buffer.concat([gzipSync('').subarray(0, 10), bytes]) : bytes;
        for (const part of ['whole', 'head'] as const) {
          expect(decodeBody(coding, input, part)?.length ?? 0).toBeLessThanOrEqual(BOUND);
        }
      }),
    );
  });
});

describe('a gzip member', () => {
  it.each([
    ['a name', gzipWith(8, '&amount=999999&\0')],
    ['a comment', gzipWith(16, '&amount=999999&\0')],
    ['extra bytes', gzipWith(4, `${String.fromCharCode(15)}\0&amount=999999&`)],
    ['the text flag', gzipWith(1, '')],
    ['a header check', gzipWith(2, 'xx')],
    ['a reserved flag', gzipWith(32, '')],
  ])('with %s is refused', (_, bytes) => {
    expect(decodeBody('gzip', bytes, 'whole')).toBeUndefined();
    expect(decodeBody('gzip', bytes, 'head')).toBeUndefined();
  });

  it('with a wrong checksum or length is refused', () => {
    const member = gzipSync(FORM);
    for (let at = member.length - 8; at < member.length; at++) {
      const broken = Buffer.from(member);
      broken[at] = (broken[at] ?? 0) ^ 1;
      expect(decodeBody('gzip', broken, 'whole')).toBeUndefined();
    }
  });
});

describe('the head of a gzip body', () => {
  const body = noise(20_000);
  const encoded = gzipSync(body);

  it('is a beginning of the body, wherever it is cut', () => {
    fc.assert(
      fc.property(fc.nat({ max: encoded.length }), (cut) => {
        const head = decodeBody('gzip', encoded.subarray(0, cut), 'head');
        expect(head !== undefined && body.subarray(0, head.length).equals(head)).toBe(true);
      }),
    );
  });

  it('holds nearly all that was sent', () => {
    expect(decodeBody('gzip', encoded, 'head')).toEqual(body);
    expect(decodeBody('gzip', encoded.subarray(0, 16_000), 'head')?.length).toBeGreaterThan(15_000);
    expect(decodeBody('gzip', encoded.subarray(0, 10), 'head')?.length).toBe(0);
    expect(decodeBody('gzip', encoded.subarray(0, 3), 'head')?.length).toBe(0);
  });

  it('is of the first member', () => {
    const two = Buffer.concat([gzipSync('first'), gzipSync('second')]);
    expect(text(decodeBody('gzip', two, 'head'))).toBe('first');
  });

  it('ends at the bound; one that goes on for long is given up', () => {
    expect(decodeBody('gzip', gzipSync(Buffer.alloc(500_000)), 'head')?.length).toBe(BOUND);
    expect(decodeBody('gzip', gzipSync(Buffer.alloc(10_000_000)), 'head')).toBeUndefined();
  });

  it('is refused in another coding', () => {
    expect(decodeBody('gzip', Buffer.from('0000'), 'head')).toBeUndefined();
    expect(decodeBody('br', brotliCompressSync('0000'), 'head')).toBeUndefined();
  });
});

it('levels and windows of a coding make no difference', () => {
  for (const level of [0, 1, 9])
    expect(text(decodeBody('gzip', gzipSync(FORM, { level }), 'whole'))).toBe(FORM);
  for (const window of [10, 16, 17, 24]) {
    const params = { [constants.BROTLI_PARAM_LGWIN]: window };
    expect(text(decodeBody('br', brotliCompressSync(FORM, { params }), 'whole'))).toBe(FORM);
  }
});
