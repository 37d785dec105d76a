import { describe, expect, it } from 'vitest';
import { otherHeaders } from '../src/other-headers.ts';

const WITHOUT = ['idempotency-key'];

describe('the other headers of a request', () => {
  it('are alike whatever their order, their case, and the connection they came on', () => {
    const one = otherHeaders(
      [
        ['Stripe-Account', 'acct_1'],
        ['Accept', '*/*'],
        ['Idempotency-Key', 'k'],
        ['Connection', 'close'],
        ['X-Request-Id', '1'],
      ],
      WITHOUT,
    );
    const two = otherHeaders(
      [
        ['accept', '*/*'],
        ['stripe-account', 'acct_1'],
        ['x-request-id', '2'],
        ['authorization', 'made-up'],
      ],
      WITHOUT,
    );
    expect(one).toBe(two);
    expect(one).not.toContain('made-up');
  });

  it('are others where one says something else, or more', () => {
    const of = (...fields: [string, string][]): string => otherHeaders(fields, WITHOUT);
    const known = of(['stripe-account', 'acct_1']);
    expect(of(['stripe-account', 'acct_2'])).not.toBe(known);
    expect(of()).not.toBe(known);
    expect(of(['stripe-account', 'acct_1'], ['stripe-account', 'acct_1'])).not.toBe(known);
    expect(of(['stripe-account', 'acct_1'], ['stripe-version', '1'])).not.toBe(known);
  });
});
