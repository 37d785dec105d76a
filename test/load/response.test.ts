import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerOf, ResponseReader } from '../../src/load/response.ts';

const GOOD = 'HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n';
const IN_CHUNKS = `${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`;

function read(text: string): ReturnType<ResponseReader['push']> {
  return new ResponseReader().push(Buffer.from(text, 'latin1'));
}

describe('a response', () => {
  it('is read in one piece', () => {
    expect(read(GOOD)).toEqual({
      status: 200,
      head: 'HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5',
      body: 'hello',
      closes: false,
    });
  });

  it('is read in chunks', () => {
    expect(read(IN_CHUNKS)).toMatchObject({ status: 200, body: 'hello' });
    expect(read(`${CHUNKED}0\r\n\r\n`)).toMatchObject({ body: '' });
  });

  it('is the same however it is cut, and the reader is ready for the next', () => {
    const cut = fc.array(fc.integer({ min: 0, max: IN_CHUNKS.length }), { maxLength: 5 });
    fc.assert(
      fc.property(cut, fc.constantFrom(GOOD, IN_CHUNKS), (cuts, text) => {
        const reader = new ResponseReader();
        const places = [0, ...cuts.toSorted((left, right) => left - right), text.length];
        for (let round = 0; round < 2; round++) {
          const results = places.slice(1).map((end, index) => {
            const piece = text.slice(places[index], end);
            return piece === '' ? 'more' : reader.push(Buffer.from(piece));
          });
          const whole = results.filter((result) => result !== 'more');
          expect(whole).toEqual([read(text)]);
        }
      }),
    );
  });

  it('keeps nothing of a buffer that is used again', () => {
    const reader = new ResponseReader();
    const buffer = Buffer.from(GOOD.slice(0, 30));
    reader.push(buffer);
    buffer.fill(0);
    expect(reader.push(Buffer.from(GOOD.slice(30)))).toMatchObject({ status: 200, body: 'hello' });
  });

  it('says that the connection will close', () => {
    expect(read('HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n')).toMatchObject({
      closes: true,
    });
  });

  it('needs no length where there is no body', () => {
    expect(read('HTTP/1.1 204 No Content\r\n\r\n')).toMatchObject({ status: 204, body: '' });
  });

  it.each([
    ['another protocol', 'SSH-2.0-x\r\n\r\n'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n'],
    ['an informational one', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n'],
    ['no length', 'HTTP/1.1 200 OK\r\n\r\nhello'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: 5x\r\n\r\nhello'],
    ['a huge length', 'HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n'],
    ['two framings', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nhello'],
    ['another coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['a chunk size that is none', `${CHUNKED}5x\r\nhello\r\n0\r\n\r\n`],
    ['a chunk extension', `${CHUNKED}5;x=y\r\nhello\r\n0\r\n\r\n`],
    ['a chunk longer than it says', `${CHUNKED}4\r\nhello\r\n0\r\n\r\n`],
    ['a huge chunk', `${CHUNKED}ffffff\r\n`],
    ['a chunk size without an end', `${CHUNKED}000000000`],
    ['a trailer', `${CHUNKED}0\r\nx: y\r\n\r\n`],
    ['bytes behind the last chunk', `${CHUNKED}0\r\n\r\n!`],
    ['bytes behind the body', `${GOOD}!`],
    ['a head without an end', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(40_000)}`],
  ])('with %s is malformed', (_what, text) => {
    expect(read(text)).toBe('malformed');
  });

  it('is looked at by the whole name of a header', () => {
    const head = 'HTTP/1.1 200 OK\r\nX-A-B: 1\r\nA: 2 \r\nB:3';
    expect(['a', 'b', 'x-a-b', 'c'].map((name) => headerOf(head, name))).toEqual(['2', '3', '1', undefined]);
  });
});
