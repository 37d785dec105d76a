import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_PAIRS, Unreadable } from '../../native-free-core/normalizer/form.ts';
import { readMultipart } from '../../native-free-core/normalizer/multipart.ts';
import type { Params } from '../../native-free-core/normalizer/envelope.ts';
import { facts } from './fact-table.ts';
import { bytes } from './request.ts';

/** Names and values of a body with the boundary `b`, `?` for an unreadable value; undefined where it is refused. */
function read(body: string | Uint8Array, boundary = 'b'): readonly (readonly [string, string])[] | undefined {
  return readMultipart(typeof body === 'string' ? bytes(body) : body, boundary)?.map(
    ({ name, value }) => [name, value instanceof Unreadable ? '?' : value] as const,
  );
}

function part(headers: string, value: string): string {
  return `--b\r\n${headers}\r\n\r\n${value}\r\n`;
}

function field(name: string, value: string, more = ''): string {
  return part(`Content-Disposition: form-data; name="${name}"${more}`, value);
}

/** A body of one part with these headers. */
function withHeaders(headers: string): string {
  return `${part(headers, 'x')}--b--\r\n`;
}

const AMOUNT = 'Content-Disposition: form-data; name="amount"';

describe('a multipart form', () => {
  it('is read into its pairs', () => {
    expect(read(`${field('amount', '500')}${field('note', 'two\r\nlines & more')}--b--\r\n`)).toEqual([
      ['amount', '500'],
      ['note', 'two\r\nlines & more'],
    ]);
    expect(read(`${field('', '')}--b--`)).toEqual([['', '']]);
    expect(read('--b--\r\n')).toEqual([]);
  });

  it.each([
    ['a boundary within a line', 'x--b\r\ny'],
    ['a line that starts like the boundary', '\r\n--\r\n-b'],
    ['line ends alone', '\r\n\r\n'],
    ['a bare CR or LF', 'a\rb\nc'],
    ['a byte order mark', '\ufeffx'],
    ['a NUL', 'a\0b'],
    ['nothing', ''],
  ])('keeps a value with %s as it is', (_, value) => {
    expect(read(`${field('note', value)}--b--`)).toEqual([['note', value]]);
  });

  it('has a name and no value for what is no plain text', () => {
    const parts = [
      `${AMOUNT}; filename="a.txt"`,
      `${AMOUNT}; filename=a.txt`,
      `${AMOUNT}; filename=""`,
      `${AMOUNT}; filename="a"; filename*=UTF-8''%c3%a9`,
      `${AMOUNT}; filename*=UTF-8''%c3%a9`,
      `${AMOUNT}\r\nContent-Type: application/json`,
      `${AMOUNT}\r\nContent-Type: text/plain; charset=utf-16`,
      `${AMOUNT}\r\nContent-Type: text/plain; charset=utf8`,
      `${AMOUNT}\r\nContent-Type: text/plain; format=flowed`,
      `${AMOUNT}\r\nContent-Type: multipart/mixed; boundary=c`,
      `${AMOUNT}\r\nContent-Type: text`,
      `${AMOUNT}\r\nContent-Transfer-Encoding: base64`,
      `${AMOUNT}\r\nContent-Transfer-Encoding: 8bit`,
    ];
    for (const headers of parts) expect(read(withHeaders(headers))).toEqual([['amount', '?']]);
  });

  it.each([
    ['a type', `${AMOUNT}\r\nContent-Type: text/plain`],
    ['a charset', `${AMOUNT}\r\ncontent-type: Text/Plain;charset="UTF-8"`],
    ['a length', `Content-Length: 1\r\n${AMOUNT}`],
    ['a name without quotes', 'CONTENT-DISPOSITION:form-data;name=amount'],
  ])('reads a part with %s', (_, headers) => {
    expect(read(withHeaders(headers))).toEqual([['amount', 'x']]);
  });

  it('may hold a file of any bytes, and no other part may', () => {
    const file = (headers: string): Uint8Array =>
      Uint8Array.of(
        ...bytes(`--b\r\n${headers}\r\n\r\n`),
        0xff,
        0,
        0xc0,
        ...bytes(`\r\n${field('a', '1')}--b--`),
      );
    expect(read(file(`${AMOUNT}; filename="x"`))).toEqual([
      ['amount', '?'],
      ['a', '1'],
    ]);
    expect(read(file(AMOUNT))).toBeUndefined();
  });

  it.each([
    ['nothing at all', ''],
    ['a preamble', `x\r\n${field('a', '1')}--b--`],
    ['an empty line before', `\r\n${field('a', '1')}--b--`],
    ['an epilogue', `${field('a', '1')}--b--\r\nx`],
    ['two line ends behind', `${field('a', '1')}--b--\r\n\r\n`],
    ['a bare LF behind', `${field('a', '1')}--b--\n`],
    ['a second body behind', `${field('a', '1')}--b--\r\n${field('amount', '9')}--b--`],
    ['no last delimiter', field('a', '1')],
    ['half a last delimiter', `${field('a', '1')}--b-`],
    ['no end of a value', '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1'],
    ['blanks behind a delimiter', `--b \r\n${AMOUNT}\r\n\r\n1\r\n--b--`],
    ['a longer boundary in a value', `${field('a', 'x\r\n--bc\r\ny')}--b--`],
    ['a delimiter behind a bare LF', `${field('a', 'x\n--b\r\ny')}--b--`],
    ['a delimiter behind a bare CR', `${field('a', 'x\r--b\r\ny')}--b--`],
    ['a delimiter for a value', `--b\r\n${AMOUNT}\r\n\r\n--b--`],
    ['a part behind a bare LF', `${field('a', `x\n--b\r\n${AMOUNT}\r\n\r\n1`)}--b--`],
    ['a part behind a bare CR', `${field('a', `x\r--b\r\n${AMOUNT}\r\n\r\n1`)}--b--`],
    ['a part for a value', `${part(AMOUNT, `--b\r\n${AMOUNT}\r\n\r\n1`)}--b--`],
    ['a delimiter for a header', `--b\r\n${AMOUNT}\r\n--b\r\n${AMOUNT}\r\n\r\n1\r\n--b--`],
    ['bare LFs', `--b\n${AMOUNT}\n\n1\n--b--`],
    ['a bare LF between headers', `--b\r\n${AMOUNT}\nX: 1\r\n\r\n1\r\n--b--`],
    ['no headers', '--b\r\n\r\n1\r\n--b--'],
    ['another boundary', `--c\r\n${AMOUNT}\r\n\r\n1\r\n--c--`],
  ])('with %s is refused', (_, body) => {
    expect(read(body)).toBeUndefined();
  });

  it.each([
    ['no disposition', 'Content-Type: text/plain'],
    ['two dispositions', `${AMOUNT}\r\nContent-Disposition: form-data; name="x"`],
    ['two types', `${AMOUNT}\r\nContent-Type: text/plain\r\nContent-Type: text/plain`],
    ['another disposition', 'Content-Disposition: attachment; name="amount"'],
    ['no name', 'Content-Disposition: form-data'],
    ['two names', `${AMOUNT}; name="x"`],
    ['an extended name', `Content-Disposition: form-data; name*=UTF-8''amount`],
    ['an extended name beside', `${AMOUNT}; name*=UTF-8''x`],
    ['a name in parts', 'Content-Disposition: form-data; name*0="amo"; name*1="unt"'],
    ['the file name first', 'Content-Disposition: form-data; filename="x"; name="amount"'],
    ['two file names', `${AMOUNT}; filename="x"; filename="y"`],
    ['another parameter', `${AMOUNT}; size=1`],
    ['an escape in the name', 'Content-Disposition: form-data; name="am\\ount"'],
    ['a quote in the name', 'Content-Disposition: form-data; name="x\\"; name=\\"amount"'],
    ['a percent sign in the name', 'Content-Disposition: form-data; name="%61mount"'],
    ['a semicolon in the name', 'Content-Disposition: form-data; name="x;name=amount"'],
    ['a semicolon in the file name', `${AMOUNT}; filename="x;name=note"`],
    ['an encoded word for a name', 'Content-Disposition: form-data; name="=?utf-8?q?amount?="'],
    ['a blank before the colon', 'Content-Disposition : form-data; name="amount"'],
    ['a folded header', 'Content-Disposition: form-data;\r\n name="amount"'],
    ['a tab', 'Content-Disposition: form-data;\tname="amount"'],
    ['a NUL', 'Content-Disposition: form-data; name="amount\0x"'],
    ['a header of more than 1 KiB', `${AMOUNT}\r\nX: ${'x'.repeat(1024)}`],
    ['nine headers', `${AMOUNT}${[1, 2, 3, 4, 5, 6, 7, 8].map((n) => `\r\nX-${n}: 1`).join('')}`],
  ])('with a part of %s is refused', (_, headers) => {
    expect(read(withHeaders(headers))).toBeUndefined();
  });

  it('has at most a thousand parts', () => {
    expect(read(`${field('a', '').repeat(MAX_PAIRS)}--b--`)).toHaveLength(MAX_PAIRS);
    expect(read(`${field('a', '').repeat(MAX_PAIRS + 1)}--b--`)).toBeUndefined();
  });

  it('reads what a client of the web writes', async () => {
    const form = new FormData();
    form.append('amount', '500');
    form.append('note', 'a\nb \u00e9');
    form.append('file', new Blob([Uint8Array.of(0xff, 13, 10)]), 'a b.bin');
    const sent = new Request('http://h.example/', { method: 'POST', body: form });
    const boundary = /boundary=(.*)$/.exec(sent.headers.get('content-type') ?? '')?.[1] ?? '';
    expect(read(new Uint8Array(await sent.arrayBuffer()), boundary)).toEqual([
      ['amount', '500'],
      ['note', 'a\r\nb \u00e9'],
      ['file', '?'],
    ]);
  });

  it('reads back any names and values that it can hold', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_.[\]-]{0,12}$/);
    const value = fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => !/[\r\n]--b/.test(text));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (pairs) => {
        const body = pairs.map(([key, text]) => field(key, text)).join('');
        expect(read(`${body}--b--`)).toEqual(pairs);
      }),
    );
  });

  it('never throws, whatever its bytes', () => {
    const piece = fc.constantFrom('--b', '--', '\r\n', '\r', '\n', AMOUNT, ': ', 'a', '\0', '"');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.uint8Array(), (pieces, tail) => {
        const body = Uint8Array.of(...bytes(pieces.join('')), ...tail);
        for (const [, value] of read(body) ?? []) expect(body.length).toBeGreaterThan(value.length);
      }),
    );
  });
});

describe('facts of a multipart form', () => {
  function multipart(
    fields: string,
    target = '/form',
    type = 'multipart/form-data; boundary=b',
  ): Params | string {
    return facts(target, { body: `${fields}--b--\r\n`, headers: { 'content-type': type } });
  }

  it('are those of a form', () => {
    expect(
      multipart(`${field('amount', '500')}${field('currency', 'USD')}${field('note', 'a+b %41')}`),
    ).toEqual({
      amount: 500,
      currency: 'usd',
      note: 'a+b %41',
    });
    expect(multipart(field('line_items[0][amount]', '5'), '/items')).toEqual({ amount: 5 });
    expect(multipart(field('file', 'x', '; filename="x"'))).toEqual({});
  });

  it.each([
    ['a second amount', field('amount', '1') + field('amount', '9'), '/form'],
    ['a list beside', field('amount', '1') + field('amount[]', '9'), '/form'],
    ['a file for an amount', field('amount', '1', '; filename="x"'), '/form'],
    ['a file beside the amount', field('amount', '1') + field('amount', '9', '; filename="x"'), '/form'],
    ['a negative amount', field('amount', '-1'), '/form'],
    ['a line end in the amount', field('amount', '1\r\n'), '/form'],
    ['an amount in the query', field('amount', '1'), '/form?amount=9'],
    ['a method', field('amount', '1') + field('_method', 'DELETE'), '/form'],
    ['a charset for all', field('_charset_', 'utf-7') + field('amount', '1'), '/form'],
    ['an amount beside one in the query', field('amount', '9'), '/query?amount=1'],
    ['JSON expected', field('currency', 'usd'), '/json'],
  ])('are refused for %s', (_, fields, target) => {
    expect(multipart(fields, target)).toEqual(expect.any(String));
  });

  it('a boundary may be quoted, and the charset said', () => {
    expect(
      multipart(field('amount', '1'), '/form', 'Multipart/Form-Data; charset=utf-8; Boundary="b"'),
    ).toEqual({
      amount: 1,
    });
  });

  it.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary=b; boundary=b',
    'multipart/form-data; boundary=b; boundary=c',
    'multipart/form-data; boundary=b; charset=utf-16',
    'multipart/form-data; boundary=b; x=y',
    "multipart/form-data; boundary*=utf-8''b",
    'multipart/form-data; boundary="b\\c"',
    'multipart/form-data, multipart/form-data; boundary=b',
    'multipart/mixed; boundary=b',
    `multipart/form-data; boundary=${'b'.repeat(71)}`,
  ])('%s is refused', (type) => {
    expect(multipart(field('amount', '1'), '/form', type)).toMatch(/neither a form nor JSON/);
  });

  it('an amount behind 64 KiB of padding is refused', () => {
    const fields = (length: number): string => field('pad', 'x'.repeat(length)) + field('amount', '1');
    const room = 65_536 - `${fields(0)}--b--\r\n`.length;
    expect(multipart(fields(room))).toEqual({ amount: 1 });
    expect(multipart(fields(room + 1))).toMatch(/longer than 65536 bytes/);
  });
});
