import { describe, expect, it } from 'vitest';
import { headerValue } from '../../src/broker/header-value.ts';

describe('the value of an injected header', () => {
  it.each([
    ['bearer', '', 'abc', 'Bearer abc'],
    ['basic', 'me', 'abc', 'Basic bWU6YWJj'],
    ['basic', '', 'sk_1', 'Basic OnNrXzE='],
    ['basic', 'me', 'schlüssel', `Basic ${Buffer.from('me:schlüssel').toString('base64')}`],
    ['raw', '', 'token abc', 'token abc'],
  ] as const)('is built for %s', (scheme, user, secret, value) => {
    expect(headerValue(scheme, user, secret)).toEqual({ ok: true, secret: value });
  });

  it.each([
    ['empty', ''],
    ['a line break', 'SECRET\r\nx-injected: 1'],
    ['a NUL', 'SECRET\0'],
    ['a tab', 'SECRET\t'],
    ['a DEL', 'SECRET\x7f'],
    ['a letter that is not ASCII', 'SECRETé'],
    ['too long', 'SECRET'.repeat(11_000)],
  ])('is refused for %s, and the refusal does not quote it', (_what, secret) => {
    const refused = headerValue('raw', '', secret);
    expect(refused.ok).toBe(false);
    expect(JSON.stringify(refused)).not.toContain('SECRET');
  });
});
