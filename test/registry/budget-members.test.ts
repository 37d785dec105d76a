import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetLimit } from '../../native-free-core/registry/budget-limit.ts';
import { readBudgetMembers, writeBudgetMembers } from '../../native-free-core/registry/budget-members.ts';
import { ACTION_CLASSES, CATEGORIES } from '../../native-free-core/registry/classes.ts';

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const rate = fc.oneof(
  fc.record({ maxCalls: count }),
  fc.record({ maxAmount: count, currency: fc.constantFrom('usd', 'eur') }),
);
const window = fc.tuple(fc.integer({ min: 2, max: 366 }), fc.constantFrom('s', 'm', 'h', 'd'));
const inWindow = fc.record({ window: window.map(([n, unit]) => `${n}${unit}`) }, { requiredKeys: [] });
const limits: fc.Arbitrary<Partial<BudgetLimit>> = fc.oneof(
  fc
    .tuple(rate, inWindow, fc.constantFrom({}, { idempotency: 'header:idempotency-key' }))
    .map(([limit, span, key]) => ({ ...limit, ...span, ...key })),
  fc.tuple(fc.record({ maxBytes: count }), inWindow).map(([limit, span]) => ({ ...limit, ...span })),
  fc.record({ maxInFlight: count }),
);
const words = [...ACTION_CLASSES.map((info) => info.name), ...CATEGORIES.map((name) => `${name}.*`)];
const written: fc.Arbitrary<BudgetLimit> = fc
  .tuple(
    fc.stringMatching(/^[a-z][a-z0-9_-]{0,31}$/),
    fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 64 }),
    fc.constantFrom({}, { host: 'api.stripe.com' }, { host: '*.stripe.com' }),
    limits,
  )
  .map(([name, match, host, limit]) => ({ name, match, ...host, ...limit }));

describe('the members of a limit', () => {
  it('read back, through JSON, as what was written', () => {
    fc.assert(
      fc.property(written, (limit) => {
        const members: unknown = JSON.parse(JSON.stringify(writeBudgetMembers(limit)));
        expect(typeof members === 'object' && readBudgetMembers({ ...members })).toStrictEqual(limit);
      }),
    );
  });

  it('are refused with one more, whatever it is named', () => {
    const known = Object.keys(
      writeBudgetMembers({
        name: 'a',
        match: [],
        host: '',
        window: '',
        maxCalls: 0,
        maxAmount: 0,
        currency: '',
        maxBytes: 0,
        maxInFlight: 0,
        idempotency: '',
      }),
    );
    expect(known).toHaveLength(10);
    const extra = fc
      .oneof(fc.string(), fc.constantFrom('per', 'agent', 'on_exceed', 'maxCalls', '__proto__'))
      .filter((key) => !known.includes(key));
    fc.assert(
      fc.property(written, extra, (limit, key) => {
        const members = JSON.stringify(writeBudgetMembers(limit)).slice(0, -1);
        const more: unknown = JSON.parse(`${members},${JSON.stringify(key)}:1}`);
        expect(typeof more === 'object' && readBudgetMembers({ ...more })).toHaveProperty('problem');
      }),
    );
  });

  it.each<[string | undefined, Readonly<Record<string, unknown>>]>([
    ['name', { name: undefined }],
    ['name', { name: 7 }],
    ['name', { name: 'Spend' }],
    ['name', { name: 'token/spend' }],
    ['name', { name: 's'.repeat(33) }],
    ['match', { match: undefined }],
    ['match', { match: 'payment.*' }],
    ['match', { match: [] }],
    ['match', { match: [7] }],
    ['match', { match: Array.from({ length: 65 }, () => 'code.read') }],
    ['match', { match: ['payment.unknown'] }],
    ['host', { host: 'a.com:443' }],
    ['host', { host: 7 }],
    ['host', { host: null }],
    ['window', { window: '0h' }],
    ['window', { window: 24 }],
    ['currency', { currency: 'USD' }],
    ['currency', { currency: '' }],
    ['idempotency', { idempotency: 'header:authorization' }],
    ['idempotency', { idempotency: 7 }],
    ['max_amount', { max_amount: -1 }],
    ['max_amount', { max_amount: 0.5 }],
    ['max_amount', { max_amount: 2 ** 53 }],
    ['max_amount', { max_amount: Number.NaN }],
    ['max_amount', { max_amount: '5' }],
    ['max_amount', { max_amount: null }],
    ['max_amount', { currency: undefined }],
    ['max_amount', { max_calls: 1 }],
    ['max_bytes', { max_bytes: 1 }],
    ['max_in_flight', { max_in_flight: 1 }],
    ['currency', { max_amount: undefined, max_calls: 1 }],
    [undefined, { max_amount: undefined, currency: undefined }],
    ['window', { max_amount: undefined, currency: undefined, max_in_flight: 1, window: '1h' }],
    ['idempotency', { max_amount: undefined, currency: undefined, max_bytes: 1, idempotency: 'header:key' }],
  ])('are refused with the key at fault, `%s`', (key, changes) => {
    const good = { name: 'spend', match: ['payment.*'], max_amount: 5, currency: 'usd' };
    expect(readBudgetMembers(good)).not.toHaveProperty('problem');
    expect(readBudgetMembers({ ...good, ...changes })).toMatchObject({ key, problem: expect.any(String) });
  });

  it('are refused in words that quote none of them, but for classes', () => {
    const secret = 'SK_live_0123456789';
    const good = { name: 'spend', match: ['payment.*'], max_amount: 5, currency: 'usd' };
    for (const key of ['name', 'host', 'window', 'currency', 'max_amount', 'idempotency', secret]) {
      expect(JSON.stringify(readBudgetMembers({ ...good, [key]: secret }))).not.toContain(secret);
    }
  });
});
