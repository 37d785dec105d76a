import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileHost } from '../../native-free-core/normalizer/pattern.ts';
import { compileHostMatch, matchesHost } from '../../native-free-core/registry/host-match.ts';

function matches(pattern: string, host: string): boolean {
  const match = compileHostMatch(pattern);
  if (match === undefined) throw new Error(`\`${pattern}\` is no host`);
  return matchesHost(match, host);
}

/** What the grammar of rules takes for a host without a port, in the form in which a call's host is given. */
function isRuleHost(text: string): boolean {
  const pattern = compileHost(text);
  return !('invalid' in pattern) && pattern.kind !== 'any' && pattern.port === undefined;
}

describe('a host of a budget', () => {
  it('is that host and no other', () => {
    expect(matches('api.stripe.com', 'api.stripe.com')).toBe(true);
    for (const other of ['stripe.com', 'x.api.stripe.com', 'xapi.stripe.com', 'api.stripe.com.evil.test']) {
      expect(matches('api.stripe.com', other)).toBe(false);
    }
    expect(matches('192.0.2.7', '192.0.2.7')).toBe(true);
  });

  it('that begins with `*.` is all below it, and not itself', () => {
    for (const below of ['api.stripe.com', 'a.b.stripe.com'])
      expect(matches('*.stripe.com', below)).toBe(true);
    for (const other of ['stripe.com', 'evilstripe.com', 'api.stripe.com.evil.test', 'api.stripe.co']) {
      expect(matches('*.stripe.com', other)).toBe(false);
    }
  });

  it.each([
    '',
    '*',
    '*.',
    '*.*.com',
    'a.*.com',
    '*.192.0.2.7',
    'API.stripe.com',
    'stripe.com.',
    '.stripe.com',
    'a..b',
    '-a.com',
    'a-.com',
    'a b',
    'a.com:443',
    'https://a.com',
    'a.com/x',
    'user@a.com',
    '1.2.3',
    '1.2.3.04',
    '1.2.3.256',
    '0x7f000001',
    'a.0x1',
    '[::1]',
    '::1',
    'bücher.example',
    'a\u0000.com',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(126)}aa`,
  ])('is not %j', (text) => {
    expect(compileHostMatch(text)).toBeUndefined();
  });

  it('is a host to the tables, and the other way round, but for IPv6', () => {
    const label = fc.string({
      unit: fc.constantFrom('a', 'z', '0', '1', '9', 'x', '-', '_', 'A', '*', ':'),
      maxLength: 4,
    });
    const text = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'));
    fc.assert(
      fc.property(fc.boolean(), text, (below, host) => {
        const pattern = below ? `*.${host}` : host;
        expect(compileHostMatch(pattern) !== undefined).toBe(isRuleHost(pattern));
      }),
      { numRuns: 2000 },
    );
  });
});
