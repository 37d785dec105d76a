import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { couldMeanKey, keyParts, sharesRoot } from '../../native-free-core/normalizer/form-key.ts';
import { formValue, MAX_PAIRS, readForm, Unreadable } from '../../native-free-core/normalizer/form.ts';

const ITEM = 'line_items[0][amount]';

/** The value of a key in a form, `?` where it cannot be told. */
function valueOf(key: string, form: string): string | undefined {
  const pairs = readForm(form);
  const parts = keyParts(key);
  if (pairs === undefined || parts === undefined) return '?';
  const value = formValue(pairs, key, parts);
  return value instanceof Unreadable ? '?' : value;
}

describe('a form', () => {
  it('is read into its pairs', () => {
    expect(readForm('a=1&b[]=x+y&&%63=%26%3D&d&e=f=g&')).toEqual([
      { name: 'a', value: '1', hidden: [] },
      { name: 'b[]', value: 'x y', hidden: [] },
      { name: 'c', value: '&=', hidden: [] },
      { name: 'd', value: '', hidden: [] },
      { name: 'e', value: 'f=g', hidden: [] },
    ]);
    expect(readForm('')).toEqual([]);
  });

  it('shows the names behind a semicolon', () => {
    expect(readForm('a=1;b=2;%63=3;;d')?.[0]?.hidden).toEqual(['b', 'c', '', 'd']);
  });

  it('has at most a thousand pairs, also empty ones and those behind a semicolon', () => {
    const pairs = (count: number): string => Array.from({ length: count }, () => 'a=1').join('&');
    expect(readForm(pairs(MAX_PAIRS))).toHaveLength(MAX_PAIRS);
    expect(readForm(pairs(MAX_PAIRS + 1))).toBeUndefined();
    for (const mark of ['&', ';', '&;', 'a[&']) expect(readForm(mark.repeat(16_384))).toBeUndefined();
  });

  it('reads what URLSearchParams writes', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word), { maxLength: 20 }), (pairs) => {
        const read = readForm(new URLSearchParams(pairs).toString());
        expect(read?.map(({ name, value }) => [name, value])).toEqual(pairs);
      }),
    );
  });
});

describe('a key', () => {
  it.each(['amount', 'a.b-c_d', ITEM, 'transfer_data[amount]', `k${'[a]'.repeat(8)}`, 'k[999999]'])(
    '%s can be written',
    (key) => {
      expect(keyParts(key)?.length).toBe(key.split('[').length);
    },
  );

  it.each([
    '',
    '[a]',
    'k[]',
    'k[00]',
    'k[0',
    'k]',
    'k[a]b',
    'k[[a]]',
    'k[a.b]',
    'k[0a]',
    'k[-1]',
    'k[1000000]',
    `k${'[a]'.repeat(9)}`,
    'k[a b]',
    'k%5B0%5D',
  ])('%j cannot', (key) => {
    expect(keyParts(key)).toBeUndefined();
  });

  it('with brackets is read, its own brackets escaped or not', () => {
    expect(valueOf(ITEM, 'line_items[0][amount]=500&x=1')).toBe('500');
    expect(valueOf(ITEM, 'line_items%5B0%5D%5bamount%5d=500')).toBe('500');
    expect(valueOf('transfer_data[amount]', 'transfer_data[destination]=acct&transfer_data[amount]=7')).toBe(
      '7',
    );
  });

  it('with brackets is another fact than its siblings', () => {
    const siblings =
      'line_items[1][amount]=1&line_items[10][amount]=2&line_items[0][currency]=usd&line_items[0][amounts]=3' +
      '&line_items[0][price_data][amount]=4&line_items[first][amount]=5&line_item=6&line=7&amount=8';
    expect(valueOf(ITEM, siblings)).toBeUndefined();
    expect(valueOf(ITEM, `${siblings}&${ITEM}=9`)).toBe('9');
  });

  it.each([
    ['itself again', ITEM],
    ['an index with a zero', 'line_items[00][amount]'],
    ['an open index', 'line_items[][amount]'],
    ['a signed index', 'line_items[-0][amount]'],
    ['an index beyond any list', 'line_items[4294967296][amount]'],
    ['a blank before the index', 'line_items[ 0][amount]'],
    ['a hexadecimal index', 'line_items[0x0][amount]'],
    ['a point', 'line_items[0].amount'],
    ['points', 'line_items.0.amount'],
    ['a point and brackets', 'line_items.0[amount]'],
    ['a point for the underscore', 'line.items[0][amount]'],
    ['a blank for the underscore', 'line+items[0][amount]'],
    ['a list of it', 'line_items[0][amount][]'],
    ['an object at its place', 'line_items[0][amount][value]'],
    ['another case', 'line_items[0][Amount]'],
    ['another case of the name', 'Line_Items[0][amount]'],
    ['a blank behind', 'line_items[0][amount]+'],
    ['a blank before', '+line_items[0][amount]'],
    ['a blank in a group', 'line_items[0][+amount+]'],
    ['brackets around all', '[line_items][0][amount]'],
    ['a bracket too many', 'line_items[0][amount]]'],
    ['a bracket too few', 'line_items[0][amount'],
    ['text behind a bracket', 'line_items[0]x[amount]'],
    ['a bracket for the underscore', 'line[items[0][amount]'],
    ['a value that holds it', 'line_items[0]'],
    ['a list that holds it', 'line_items'],
    ['an open list that holds it', 'line_items[]'],
  ])('with brackets beside %s cannot be told', (_, name) => {
    expect(valueOf(ITEM, `${name}=100000`)).toBe(name === ITEM ? '100000' : '?');
    expect(valueOf(ITEM, `${ITEM}=1&${name}=100000`)).toBe('?');
    expect(valueOf(ITEM, `${name}=100000&${ITEM}=1`)).toBe('?');
    expect(valueOf(ITEM, `${ITEM}=1&x=y;${name}=100000`)).toBe('?');
  });

  it('with a named group beside an open one cannot be told', () => {
    expect(valueOf('transfer_data[amount]', 'transfer_data[amount]=1&transfer_data[]=100000')).toBe('?');
    expect(valueOf('transfer_data[amount]', 'transfer_data[amount]=1&transfer_data[0]=100000')).toBe('1');
  });

  it.each([
    ['an element', 'amount[0]'],
    ['brackets around it', '[amount]'],
    ['a bracket behind', 'amount]'],
    ['an open bracket', 'amount[x'],
  ])('without brackets beside %s cannot be told', (_, name) => {
    expect(valueOf('amount', `amount=1&${name}=100000`)).toBe('?');
  });

  it('is folded as the loosest readers fold it', () => {
    expect(couldMeanKey('\u017fum', ['sum'])).toBe(true);
    expect(couldMeanKey('\u212aey', ['key'])).toBe(true);
    expect(couldMeanKey('transfer[amount', ['transfer_amount'])).toBe(true);
    expect(couldMeanKey('amounts', ['amount'])).toBe(false);
    expect(couldMeanKey('amount.currency', ['amount'])).toBe(false);
  });

  it('shares its root with all that stands below its name', () => {
    const parts = ['line_items', '0', 'amount'];
    for (const name of ['line_items', 'LINE_ITEMS[9][x]', 'line_items.9', ITEM]) {
      expect(sharesRoot(name, parts)).toBe(true);
    }
    expect(sharesRoot('line', parts)).toBe(false);
    expect(sharesRoot('line_items2[0][amount]', parts)).toBe(false);
  });

  it('written twice is refused, whatever stands between', () => {
    const word = fc.stringMatching(/^[b-z]{1,8}$/);
    const key = fc.constantFrom('amount', ITEM, 'a[b]');
    fc.assert(
      fc.property(key, fc.array(word), fc.nat(), fc.nat(), (name, others, first, second) => {
        const pairs = others.map((other) => `${other}=1`);
        pairs.splice(first % (pairs.length + 1), 0, `${name}=1`);
        pairs.splice(second % (pairs.length + 1), 0, `${encodeURIComponent(name)}=1`);
        expect(valueOf(name, pairs.join('&'))).toBe('?');
      }),
    );
  });
});
