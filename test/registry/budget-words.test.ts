import { describe, expect, it } from 'vitest';
import { parseIdempotencyHeader, parseWindowMs } from '../../native-free-core/registry/budget-words.ts';

describe('a window', () => {
  it.each([
    ['2s', 2000],
    ['90s', 90_000],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    ['366d', 31_622_400_000],
    ['31622400s', 31_622_400_000],
  ])('of %s is read', (text, ms) => {
    expect(parseWindowMs(text)).toBe(ms);
  });

  it.each([
    '',
    '0s',
    '0d',
    '1s',
    '367d',
    '31622401s',
    '99999999d',
    '999999999999999999999d',
    '-1h',
    '+1h',
    '01h',
    '1.5h',
    '1e3s',
    '24',
    'h',
    '24H',
    '24 h',
    ' 24h',
    '24h\n',
    '1h30m',
    '1w',
    '24hours',
    '٢٤h',
  ])('is not %j', (text) => {
    expect(parseWindowMs(text)).toBeUndefined();
  });
});

describe('the place of an idempotency key', () => {
  it('is a header', () => {
    expect(parseIdempotencyHeader('header:idempotency-key')).toBe('idempotency-key');
    expect(parseIdempotencyHeader(`header:${'x'.repeat(64)}`)).toBe('x'.repeat(64));
  });

  it.each(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key'])(
    'is not `%s`, which holds a secret',
    (name) => {
      expect(parseIdempotencyHeader(`header:${name}`)).toBeUndefined();
    },
  );

  it.each(['connection', 'te', 'host', 'content-length', 'transfer-encoding', 'x-original-url'])(
    'is not `%s`, which the upstream does not get from the agent',
    (name) => {
      expect(parseIdempotencyHeader(`header:${name}`)).toBeUndefined();
    },
  );

  it.each([
    '',
    'header:',
    'idempotency-key',
    'query:key',
    'Header:key',
    'header:Key',
    'header:a b',
    'header:a:b',
    'header:a_b',
    'header:a\r\nb',
    'header:key\n',
    `header:${'x'.repeat(65)}`,
  ])('is not %j', (text) => {
    expect(parseIdempotencyHeader(text)).toBeUndefined();
  });
});
