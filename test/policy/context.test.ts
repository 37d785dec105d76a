import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalContext,
  ContextWriter,
  hourUtc,
  weekdayUtc,
} from '../../native-free-core/policy/context.ts';
import type { PolicyContext } from '../../native-free-core/policy/port.ts';
import { CONTEXT, query } from './query.ts';

const canonical = (changes: Partial<PolicyContext>): string => canonicalContext(query({ context: changes }));

describe('the calendar', () => {
  it('agrees with Date on hour and weekday, Monday being 1', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }), (date) => {
        expect(hourUtc(date.getTime())).toBe(date.getUTCHours());
        expect(weekdayUtc(date.getTime()) % 7).toBe(date.getUTCDay());
      }),
    );
    expect(weekdayUtc(Date.UTC(2024, 0, 7))).toBe(7);
  });
});

describe('the canonical context', () => {
  it('is the whole context as JSON with sorted members', () => {
    const text = canonical({ params: { currency: 'usd', amount: 5, git_ref: 'refs/"é\u0001' } });
    const sorted = (value: unknown): unknown =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(
            Object.entries(value)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, member]) => [key, sorted(member)]),
          )
        : value;
    const parsed: unknown = JSON.parse(text);
    expect(JSON.stringify(sorted(parsed))).toBe(text);
    expect(parsed).toEqual({
      budget: { spend: 4000, 'token/calls': 7 },
      capability: {
        actions: ['code.read', 'payment.read', 'payment.transfer'],
        age_s: 30,
        scope: ['api.stripe.com'],
        ttl_s: 3570,
      },
      params: { amount: 5, currency: 'usd', git_ref: 'refs/"é\u0001' },
      request: { body_bytes: 27, method: 'POST', query_present: false, scheme: 'https', transport: 'proxy' },
      session: {
        age_s: 90,
        calls: 4,
        classes: ['code.read', 'payment.read'],
        denies: 1,
        hosts: ['api.github.com', 'api.stripe.com'],
        id: 'AAECAwQFBgcICQoLDA0ODw',
        injected: ['stripe'],
        last_class: 'payment.read',
        tools: [],
      },
      time: { hour_utc: 13, now: 1_735_738_200_000, weekday_utc: 3 },
    });
  });

  it('leaves out what is absent', () => {
    const text = canonical({ session: { ...CONTEXT.session, lastClass: '' }, params: {}, budget: {} });
    expect(text).not.toContain('last_class');
    expect(text).toContain('"params":{}');
  });

  it('is the same for the same sets and records in any order, with repeats or without', () => {
    const words = fc.uniqueArray(fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(words, words, fc.infiniteStream(fc.boolean()), (hosts, scope, coin) => {
        const shuffled = hosts.toSorted(() => (coin.next().value === true ? 1 : -1));
        const one = { session: { ...CONTEXT.session, hosts }, capability: { ...CONTEXT.capability, scope } };
        const two = {
          session: { ...CONTEXT.session, hosts: [...shuffled, ...hosts] },
          capability: { ...CONTEXT.capability, scope: scope.toReversed() },
        };
        expect(canonical(two)).toBe(canonical(one));
      }),
      { numRuns: 30 },
    );
    expect(canonical({ params: { b: 'x', a: 1 } })).toBe(canonical({ params: { a: 1, b: 'x' } }));
  });

  it('differs where anything differs', () => {
    const variants: readonly Partial<PolicyContext>[] = [
      {},
      { params: { amount: 1001, currency: 'usd' } },
      { params: { amount: '1000', currency: 'usd' } },
      { params: {} },
      { budget: { spend: 3999, 'token/calls': 7 } },
      { nowMs: CONTEXT.nowMs + 1 },
      { request: { ...CONTEXT.request, queryPresent: true } },
      { request: { ...CONTEXT.request, scheme: 'http' } },
      { capability: { ...CONTEXT.capability, scope: ['api.stripe.com', ''] } },
      { session: { ...CONTEXT.session, hosts: ['api.github.com","api.stripe.com'] } },
      { session: { ...CONTEXT.session, injected: [], tools: ['stripe'] } },
      { session: { ...CONTEXT.session, lastClass: 'code.read' } },
    ];
    expect(new Set(variants.map(canonical)).size).toBe(variants.length);
  });

  it('is the same whatever contexts were written before', () => {
    const lists = [
      ['code.read'],
      ['code.read', 'é"'],
      [],
      ['b', 'a'],
      Array.from({ length: 300 }, (_, at) => `host-${at}`),
    ];
    const list = fc.constantFrom(...lists, ...lists.map((names) => Object.freeze([...names])));
    const few = fc.nat(1);
    const contexts = fc.record({
      session: fc.record({
        id: fc.constantFrom('a', 'é"'),
        ageS: few,
        calls: few,
        denies: few,
        classes: list,
        tools: list,
        hosts: list,
        injected: list,
        lastClass: fc.constantFrom('', 'code.read'),
      }),
      budget: fc.constantFrom({}, { spend: 1 }),
      request: fc.record({
        method: fc.constantFrom('GET', 'é"'),
        scheme: fc.constantFrom('http', 'https'),
        transport: fc.constantFrom('proxy', 'in-process'),
        bodyBytes: few,
        queryPresent: fc.boolean(),
      }),
      nowMs: fc.constantFrom(CONTEXT.nowMs, CONTEXT.nowMs + 1),
      capability: fc.record({ actions: list, scope: list, ageS: few, ttlS: few }),
      params: fc.constantFrom({}, { amount: 1 }),
    });
    fc.assert(
      fc.property(fc.array(contexts, { minLength: 2, maxLength: 12 }), (all) => {
        const writer = new ContextWriter();
        for (const context of all) expect(writer.write(context)).toBe(canonical(context));
      }),
    );
  });

  it('is written anew for a list that was changed in place', () => {
    const writer = new ContextWriter();
    const hosts = ['a'];
    const context = { ...CONTEXT, session: { ...CONTEXT.session, hosts } };
    writer.write(context);
    hosts.push('b');
    expect(writer.write(context)).toContain('"hosts":["a","b"]');
  });
});
