import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecisionRecord } from '@firma/core';
import { decisionLine } from '../../src/audit/decision-line.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 12 });
const count = fc.maxSafeNat();
const facts = fc.dictionary(text, fc.oneof(count, text), { maxKeys: 3 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const record: fc.Arbitrary<DecisionRecord> = fc.record({
  v: fc.constant(1 as const),
  kind: fc.constant('decision' as const),
  event_id: text,
  time: text,
  sidecar_id: text,
  agent_id: text,
  session_id: text,
  token_id: text,
  transport: text,
  method: text,
  resource: text,
  action_class: maybe(text),
  readings: maybe(
    fc.array(fc.record({ action_class: text, method: text, resource: text, rule: text, params: facts }), {
      maxLength: 2,
    }),
  ),
  rule: maybe(text),
  outcome: fc.constantFrom('ALLOW', 'DENY', 'ABORT'),
  scope: maybe(fc.constantFrom('session', 'call')),
  reason: text,
  stage: text,
  policies: fc.array(text, { maxLength: 3 }),
  budgets: fc.array(fc.record({ name: text, charged: count, remaining: count }), { maxLength: 2 }),
  request: maybe(fc.record({ scheme: text, body_bytes: count, query_present: fc.boolean() })),
  params: maybe(facts),
  session: fc.record({ age_s: count, calls: count, denies: count, last_class: maybe(text) }),
  config: text,
  cedar_context_hash: maybe(text),
  latency_us: fc.record({ normalize: count, capability: count, policy: count, total: count }),
});

describe('the line of a decision record', () => {
  it('says what JSON.stringify says, whatever the record holds', () => {
    fc.assert(
      fc.property(record, (one) => {
        expect(JSON.parse(decisionLine(one))).toEqual(JSON.parse(JSON.stringify(one)));
      }),
    );
  });

  it('escapes what would end a string or a line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), record, (resource, one) => {
        const line = decisionLine({ ...one, resource });
        expect(line).not.toMatch(/[\n\r]/);
        expect(JSON.parse(line)).toMatchObject({ resource: JSON.parse(JSON.stringify(resource)) });
      }),
    );
  });
});
