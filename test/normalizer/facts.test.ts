import { describe, expect, it } from 'vitest';
import { facts, FORM, form, json } from './fact-table.ts';
import { normalizerOf } from './request.ts';

describe('facts of a form', () => {
  it('are typed', () => {
    expect(form('amount=500&currency=USD&note=a+b%20%C3%A9&expand[]=x&expand[]=y')).toEqual({
      amount: 500,
      currency: 'usd',
      note: 'a b \u00e9',
    });
  });

  it('are absent only where the whole body was read and the key is not in it', () => {
    expect(form('other=1')).toEqual({});
    expect(facts('/form', {})).toEqual({});
    expect(facts('/form', { bodyLength: undefined })).toMatch(/incomplete/);
    expect(facts('/form', { bodyLength: 12 })).toMatch(/incomplete/);
    expect(facts('/form', { body: 'amount=1', bodyLength: 80, headers: { 'content-type': FORM } })).toMatch(
      /not as long as it was declared/,
    );
  });

  it.each([
    ['0', 0],
    ['1', 1],
    ['9007199254740991', 9_007_199_254_740_991],
  ])('amount %s is read', (written, amount) => {
    expect(form(`amount=${written}`)).toEqual({ amount });
  });

  it.each([
    '',
    '-1',
    '+1',
    '1.0',
    '1e3',
    '01',
    '0x10',
    '1_000',
    ' 1',
    '1%00',
    '9007199254740992',
    '99999999999999999',
    '%EF%BC%91',
  ])('amount %j is refused', (written) => {
    expect(form(`amount=${written}`)).toBe('`amount` is not an integer from 0 to 2^53-1');
  });

  it.each(['', 'us', 'usdt', 'u%24d', '%C5%BFek'])('currency %j is refused', (written) => {
    expect(form(`currency=${written}`)).toBe('`currency` is not three letters');
  });

  it('strings have a bound in bytes', () => {
    expect(form(`note=${'%C3%A9'.repeat(512)}`)).toEqual({ note: '\u00e9'.repeat(512) });
    expect(form(`note=${'%C3%A9'.repeat(512)}x`)).toMatch(/at most 1024 bytes/);
  });

  it.each([
    ['twice', 'amount=1&amount=100000'],
    ['twice, once escaped', 'amount=1&%61mount=100000'],
    ['beside a list', 'amount=1&amount[]=100000'],
    ['as a list', 'amount[]=100000'],
    ['as an element', 'amount%5B0%5D=100000'],
    ['in capitals beside', 'amount=1&Amount=100000'],
    ['in capitals', 'AMOUNT=100000'],
    ['with a blank before', 'amount=1&+amount=100000'],
    ['behind a semicolon', 'note=x;amount=100000'],
    ['behind a semicolon, escaped', 'note=x;%61mount=100000&amount=1'],
    ['without a value beside', 'amount&amount=1'],
  ])('an amount given %s is refused', (_, body) => {
    expect(form(body)).toMatch(/`amount` is/);
  });

  it.each([
    ['in the query', '/form?amount=100000', 'currency=usd'],
    ['in the query beside the body', '/form?amount=1', 'amount=100000'],
    ['in the query as a list', '/form?amount%5B%5D=1', 'currency=usd'],
  ])('an amount %s is refused', (_, target, body) => {
    expect(form(body, target)).toMatch(/`amount` is/);
  });

  it('an amount behind 64 KiB of padding is refused', () => {
    const padding = `pad=${'x'.repeat(65_536 - 'pad=&amount=1'.length)}`;
    expect(form(`${padding}&amount=1`)).toEqual({ amount: 1 });
    expect(form(`${padding}x&amount=1`)).toMatch(/longer than 65536 bytes/);
  });

  it.each([
    ['invalid UTF-8', Uint8Array.of(97, 61, 0xff)],
    ['an escape of invalid UTF-8', 'note=%ff'],
    ['an overlong escape', 'note=%c0%af'],
    ['an escape that is none', 'note=%zz'],
    ['a NUL in a name', 'amount%00x=1'],
    ['a byte order mark', '\ufeffamount=1'],
  ])('%s is refused', (_, body) => {
    expect(form(body)).toEqual(expect.any(String));
  });

  it.each<[string, Readonly<Record<string, string | readonly string[]>>]>([
    ['no content type', {}],
    ['JSON', { 'content-type': 'application/json' }],
    ['multipart', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['another charset', { 'content-type': `${FORM}; charset=utf-16` }],
    ['two charsets', { 'content-type': `${FORM}; charset=utf-8; charset=utf-7` }],
    ['a charset in another spelling', { 'content-type': `${FORM}; charset=utf8` }],
    ['another parameter', { 'content-type': `${FORM}; version=1` }],
    ['another type in a parameter', { 'content-type': `${FORM}; x="multipart/form-data"` }],
    ['an open quote', { 'content-type': `${FORM}; charset="utf-8` }],
    ['two content types', { 'content-type': [FORM, 'application/json'] }],
    ['two content types in one', { 'content-type': `${FORM}, application/json` }],
    ['gzip', { 'content-type': FORM, 'content-encoding': 'gzip' }],
    ['identity and gzip', { 'content-type': FORM, 'content-encoding': ['identity', 'gzip'] }],
  ])('a body with %s is refused', (_, headers) => {
    expect(facts('/form', { body: 'amount=1', headers })).toEqual(expect.any(String));
  });

  it('a list of a thousand pairs is the longest, for some servers read no more', () => {
    expect(form(`${'x=1&'.repeat(999)}amount=1`)).toEqual({ amount: 1 });
    expect(form(`${'x=1&'.repeat(1000)}amount=1`)).toMatch(/too many pairs/);
    expect(form('amount=1', `/form?${'&'.repeat(1000)}`)).toMatch(/the query is not a form/);
  });

  it.each(['_method=DELETE', 'x=1;_method=DELETE', '+_Method=x', '_charset_=utf-7', '_CHARSET_=utf-8'])(
    '%s in a form is refused: it changes what all of it means',
    (pair) => {
      expect(form(`amount=1&${pair}`)).toMatch(/the body has a `_/);
    },
  );

  it('a string with a NUL is refused', () => {
    expect(form('note=a%00b')).toMatch(/without a NUL/);
  });

  it('a charset of UTF-8 and the identity coding are what they always are', () => {
    const headers = {
      'content-type': `${FORM.toUpperCase()};charset="UTF-8"`,
      'content-encoding': 'identity',
    };
    expect(facts('/form', { body: 'amount=1', headers })).toEqual({ amount: 1 });
  });
});

describe('facts of a key with brackets', () => {
  it('are read from a form or a query', () => {
    expect(
      form('line_items[0][amount]=5&transfer_data%5Bcurrency%5D=USD&line_items[1][amount]=9', '/items'),
    ).toEqual({ amount: 5, currency: 'usd' });
    expect(form('x=1', '/items-query?line_items[0][amount]=5')).toEqual({ amount: 5 });
    expect(form('line_items[1][amount]=5', '/items')).toEqual({});
  });

  it.each([
    ['a second amount', 'line_items[0][amount]=1&line_items%5B0%5D[amount]=100000', '/items'],
    ['another index for the same place', 'line_items[0][amount]=1&line_items[00][amount]=100000', '/items'],
    ['an open index', 'line_items[][amount]=100000', '/items'],
    ['a list in its place', 'line_items[0]=100000', '/items'],
    ['a negative amount', 'line_items[0][amount]=-1', '/items'],
    ['a currency of another thing', 'transfer_data[currency][]=usd', '/items'],
    ['the amount in the query as well', 'line_items[0][amount]=1', '/items?line_items[0][amount]=100000'],
    ['a part of the same list in the query', 'line_items[0][amount]=1', '/items?line_items[0][quantity]=9'],
    ['points in the query', 'line_items[0][amount]=1', '/items?line_items.0.amount=9'],
    ['the amount in the body as well', 'line_items[0][amount]=9', '/items-query?line_items[0][amount]=1'],
    ['a part of the same list in the body', 'line_items[0][x]=9', '/items-query?line_items[0][amount]=1'],
  ])('are refused for %s', (_, body, target) => {
    expect(form(body, target)).toMatch(/`(?:amount|currency|line_items.*|transfer_data.*)` is/);
  });

  it('are refused where JSON has such a list beside the query', () => {
    expect(json('{"line_items":[{"amount":9}]}', '/items-query?line_items[0][amount]=1')).toMatch(/as well/);
  });

  it.each(['form:a[]', 'form:a[0', 'query:a[00]', 'form:[a]', `form:a${'[0]'.repeat(9)}`, 'query:a[b]c'])(
    '%s is no key that loads',
    (key) => {
      expect(() =>
        normalizerOf(`[[rules]]
host = "h.example"
action_class = "payment.transfer"
[rules.params]
amount = "${key}"`),
      ).toThrow(/table\.toml:5.*names no key/s);
    },
  );
});

describe('facts of a query', () => {
  it('are read beside a body that does not have the key', () => {
    expect(facts('/query?amount=7&x=1', {})).toEqual({ amount: 7 });
    expect(form('x=1', '/query?amount=7')).toEqual({ amount: 7 });
    expect(json('{"x":1}', '/query?amount=7')).toEqual({ amount: 7 });
  });

  it.each([
    ['twice', '/query?amount=7&amount=8', 'x=1'],
    ['in the body as well', '/query?amount=7', 'amount=8'],
    ['in the body only', '/query', 'amount=8'],
    ['with an escape that is none', '/query?amount=7&x=%zz', 'x=1'],
  ])('are refused where the key is given %s', (_, target, body) => {
    expect(form(body, target)).toEqual(expect.any(String));
  });

  it('are refused beside a body that cannot be read', () => {
    expect(facts('/query?amount=7', { body: 'x', headers: { 'content-type': 'text/plain' } })).toMatch(
      /neither/,
    );
    expect(json('{"amount":8}', '/query?amount=7')).toMatch(/in the body as well/);
  });
});

describe('facts of the path and of headers', () => {
  it('need no body', () => {
    const sent = { bodyLength: 1_000_000, headers: { 'x-count': '3' } };
    expect(facts('/users/a%20b/x', sent)).toEqual({ count: 3, user: 'a b' });
    expect(facts('/users/a/x/y%2Fz', sent)).toEqual({
      count: 3,
      user: 'a',
      tail: expect.stringMatching(/^y/),
    });
  });

  it('are refused where a header is given twice or is no text', () => {
    expect(facts('/users/a/x', { headers: { 'x-count': ['3', '4'] } })).toMatch(/given twice/);
    expect(facts('/users/a/x', { headers: { 'x-count': '\u00e9' } })).toMatch(/printable ASCII/);
    expect(facts('/users/a/x', { headers: { 'x-count': '-3' } })).toMatch(/not an integer/);
  });
});
