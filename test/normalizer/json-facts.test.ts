import { describe, expect, it } from 'vitest';
import { facts, json } from './fact-table.ts';

describe('facts of JSON', () => {
  it('are found by pointer', () => {
    expect(json('{"data":[{"amount":12}],"currency":"EUR"}')).toEqual({ amount: 12, currency: 'eur' });
    expect(json('{"data":[{}]}')).toEqual({});
    expect(json('{"data":[]}')).toEqual({});
    expect(facts('/json', { body: '{}', headers: { 'content-type': 'application/vnd.api+json' } })).toEqual(
      {},
    );
  });

  it.each([
    ['a string', '{"data":[{"amount":"12"}]}'],
    ['null', '{"data":[{"amount":null}]}'],
    ['negative', '{"data":[{"amount":-12}]}'],
    ['a fraction', '{"data":[{"amount":12.0}]}'],
    ['an exponent', '{"data":[{"amount":1e3}]}'],
    ['too large to be exact', '{"data":[{"amount":9007199254740993}]}'],
    ['minus zero', '{"data":[{"amount":-0}]}'],
    ['two zeros', '{"data":[{"amount":00}]}'],
    ['a very large exponent', '{"data":[{"amount":1e400}]}'],
    ['a list', '{"data":[{"amount":[12]}]}'],
    ['given twice', '{"data":[{"amount":1,"amount":100000}]}'],
    ['given twice, once escaped', '{"data":[{"amount":1,"amoun\\u0074":100000}]}'],
    ['given in capitals beside', '{"data":[{"amount":1,"Amount":100000}]}'],
    ['given with a NUL beside', '{"data":[{"amount":1,"amount\\u0000":100000}]}'],
    ['under a list in capitals', '{"data":[{"amount":1}],"Data":[{"amount":100000}]}'],
    ['behind a byte order mark', '\ufeff{"data":[{"amount":1}]}'],
    ['in a string', '"{\\"data\\":[{\\"amount\\":1}]}"'],
    ['followed by another', '{"data":[{"amount":1}]}{"data":[{"amount":100000}]}'],
    ['under a scalar', '{"data":5}'],
    ['in a body that is a list', '[{"amount":1}]'],
    ['beside a `_method`', '{"_method":"DELETE","data":[{"amount":1}]}'],
    ['in a body with a key twice elsewhere', '{"x":1,"x":2,"data":[{"amount":1}]}'],
  ])('an amount that is %s is refused', (_, body) => {
    expect(json(body)).toEqual(expect.any(String));
  });

  it.each([
    'application/json; charset=utf-16',
    'application/json; profile=x',
    'application/json, application/json',
    'application/x-www-form-urlencoded+json',
    'application/json5',
    'text/json',
    'json',
  ])('are refused in %s', (type) => {
    expect(facts('/json', { body: '{}', headers: { 'content-type': type } })).toMatch(
      /neither a form nor JSON/,
    );
  });

  it('an amount behind 64 KiB of padding is refused', () => {
    const padded = (length: number): string => `{"pad":"${'x'.repeat(length)}","data":[{"amount":1}]}`;
    const room = 65_536 - padded(0).length;
    expect(json(padded(room))).toEqual({ amount: 1 });
    expect(json(padded(room + 1))).toMatch(/longer than 65536 bytes/);
  });

  it('are refused where the query has the key too', () => {
    expect(json('{"currency":"usd"}', '/json?currency=eur')).toMatch(/`currency` is in the query/);
    expect(json('{}', '/json?data[0][amount]=1')).toMatch(/`data`/);
    expect(json('{}', '/json?data.0.amount=1')).toMatch(/`data`/);
    expect(json('{}', '/json?data[1][currency]=usd')).toMatch(/`data`/);
  });
});
