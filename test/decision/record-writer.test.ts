import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ACTION_CLASSES,
  canonicalize,
  type Capability,
  classSet,
  type Decision,
  type Envelope,
  MonotonicClock,
  type Reading,
  type SessionHandle,
  type SessionSnapshot,
} from '@firma/core';
import { Attempt } from '../../native-free-core/decision/attempt.ts';
import { Bearer } from '../../native-free-core/decision/bearer.ts';
import { policyQuery } from '../../native-free-core/decision/query.ts';
import { RecordWriter } from '../../native-free-core/decision/record-writer.ts';
import { NO_PARAMS } from '../../native-free-core/normalizer/envelope.ts';
import { canonicalContext } from '../../native-free-core/policy/context.ts';
import { sha256Hex } from '../capability/authority.ts';
import { rig } from './rig.ts';

const NOW_MS = 1_800_000_000_123.5;

/** Few different values, so that a call often has what the one before had. */
const text = fc.oneof(fc.constantFrom('a', 'b', 'é"\\', ''), fc.string({ unit: 'grapheme', maxLength: 8 }));
const count = fc.oneof(fc.nat(3), fc.maxSafeNat());
const texts = fc.oneof(
  fc.constantFrom(Object.freeze(['p']), Object.freeze(['p', 'q']), Object.freeze([])),
  fc.array(text, { maxLength: 3 }),
);
const params = fc.oneof(
  fc.constant(NO_PARAMS),
  fc.dictionary(text, fc.oneof(fc.maxSafeNat(), text), { maxKeys: 3 }),
);

const bearer: fc.Arbitrary<Bearer> = fc
  .record({ sub: text, sid: text, jti: text, lists: texts })
  .map((claimed) => {
    const { jti, lists, sid, sub } = claimed;
    const capability: Capability = {
      claims: {
        iss: 'authority',
        aud: 'sidecar',
        sub,
        groups: lists,
        sid,
        jti,
        iat: 1_799_999_000,
        nbf: 1_799_999_000,
        exp: 1_800_001_000,
        actionSet: lists,
        resourceScope: lists,
        budgets: [],
        contextHash: '',
      },
      actions: classSet([]),
      scope: { matches: () => true },
      sessionKey: '',
    };
    return new Bearer(capability);
  });

const reading: fc.Arbitrary<Reading> = fc
  .record({
    actionClass: fc.constantFrom(...ACTION_CLASSES.slice(0, 3)),
    uid: text,
    method: text,
    rule: text,
    params,
  })
  .map(({ actionClass, uid, method, rule, params: facts }) => ({
    actionClass,
    rule,
    params: facts,
    resource: {
      host: 'a.test',
      port: 443,
      path: '/',
      scheme: 'https',
      provider: '',
      method,
      uid,
      hostGroups: [],
      foldMask: 0,
    },
  }));

const envelope: fc.Arbitrary<Envelope> = fc
  .record({
    first: reading,
    others: fc.array(reading, { maxLength: 1 }),
    scheme: fc.constantFrom('http' as const, 'https' as const),
    query: fc.constantFrom('', '?q'),
    method: text,
    bodyBytes: count,
  })
  .map(({ first, others, scheme, query, method, bodyBytes }) => ({
    target: { scheme, host: 'a.test', port: 443, path: '/p', matchPath: '/p', query },
    method,
    transport: 'proxy',
    readings: [first, ...others],
    bodyBytes,
  }));

const snapshot: fc.Arbitrary<SessionSnapshot> = fc.record({
  ageS: count,
  calls: count,
  denies: count,
  classes: texts,
  tools: texts,
  hosts: texts,
  injected: texts,
  lastClass: fc.constantFrom('', 'code.read', 'code.write'),
});

const decision: fc.Arbitrary<Decision> = fc.record({
  outcome: fc.constantFrom('ALLOW', 'DENY', 'ABORT'),
  reason: fc.constantFrom('OK', 'POLICY_FORBID'),
  stage: fc.constantFrom('normalize', 'policy'),
  scope: fc.constantFrom('session', 'call', undefined),
  detail: text,
  remedy: fc.constant(undefined),
  eventId: fc.constant('01900000-0000-7000-8000-000000000000'),
  target: fc.constant(undefined),
  envelope: fc.option(envelope, { nil: undefined }),
  capability: fc.constant(undefined),
  policies: texts,
  budgets: fc.array(fc.record({ name: text, charged: count, remaining: count }), { maxLength: 2 }),
  retryAfterS: fc.constant(undefined),
  timings: fc.record({ normalize: count, capability: count, policy: count, total: count }),
  reservation: fc.constant(undefined),
});

interface Recorded {
  readonly decision: Decision;
  readonly session: SessionSnapshot;
  readonly isAsked: boolean;
  readonly config: string;
  readonly transport: 'proxy' | 'decide-api';
  readonly nowMs: number;
}

const recorded: fc.Arbitrary<Recorded> = fc.record({
  decision,
  session: snapshot,
  isAsked: fc.boolean(),
  config: text,
  transport: fc.constantFrom('proxy', 'decide-api'),
  nowMs: fc.constantFrom(NOW_MS, NOW_MS + 1, NOW_MS + 1000),
});

/** The record that its line has to say, member by member. */
function expected(
  { capability }: Bearer,
  one: Recorded,
  contextHash: string | undefined,
  time: string,
): unknown {
  const { claims } = capability;
  const { envelope: call } = one.decision;
  const first = call?.readings[0];
  const { ageS, calls, denies, lastClass } = one.session;
  const shown = ({ actionClass, resource, params: facts, rule }: Reading): unknown => ({
    action_class: actionClass.name,
    method: resource.method,
    params: facts,
    resource: resource.uid,
    rule,
  });
  return {
    v: 1,
    kind: 'decision',
    event_id: one.decision.eventId,
    time,
    sidecar_id: 'side"car',
    agent_id: claims.sub,
    session_id: claims.sid,
    token_id: claims.jti,
    transport: one.transport,
    method: call?.method ?? 'GE?T',
    resource: first?.resource.uid ?? '?',
    action_class: first?.actionClass.name,
    readings: call !== undefined && call.readings.length > 1 ? call.readings.map(shown) : undefined,
    rule: first?.rule,
    outcome: one.decision.outcome,
    scope: one.decision.scope,
    reason: one.decision.reason,
    stage: one.decision.stage,
    policies: one.decision.policies,
    budgets: one.decision.budgets,
    request: call && {
      scheme: call.target.scheme,
      body_bytes: call.bodyBytes,
      query_present: call.target.query !== '',
    },
    params: first?.params,
    session: { age_s: ageS, calls, denies, last_class: lastClass === '' ? undefined : lastClass },
    config: one.config,
    cedar_context_hash: contextHash,
    latency_us: one.decision.timings,
  };
}

describe('the line of a decision', () => {
  it('is the canonical JSON of its record, whatever the calls before it were', async () => {
    const { inForce } = await rig();
    const clock = new MonotonicClock(() => NOW_MS);
    const handle = 1 as SessionHandle;
    fc.assert(
      fc.property(
        fc.array(bearer, { minLength: 1, maxLength: 2 }),
        fc.array(recorded, { minLength: 1, maxLength: 12 }),
        (bearers, all) => {
          const writer = new RecordWriter({ clock, sha256Hex, sidecarId: 'side"car' });
          for (const [index, one] of all.entries()) {
            const whose = bearers[index % bearers.length];
            if (whose === undefined) continue;
            const { decision: made, nowMs, session, transport } = one;
            const raw = {
              method: 'GE\nT',
              scheme: 'https',
              hostPort: 'a',
              target: '/',
              headers: new Map<string, string[]>(),
              transport,
              bodyLength: 0,
            } as const;
            const prepared = {
              raw,
              inForce: { ...inForce, configDigest: one.config },
              matched: undefined,
              bodyNeed: 'none',
              startedAt: 0,
              matchedAt: 0,
            } as const;
            const attempt = new Attempt(prepared, whose, handle, nowMs, 0);
            let hash: string | undefined;
            if (one.isAsked && made.envelope !== undefined) {
              const { envelope: call, budgets } = made;
              attempt.query = policyQuery(call, call.readings[0], whose, session, budgets, nowMs);
              hash = sha256Hex(canonicalContext(attempt.query));
            }
            const line = writer.write(attempt, made, made.eventId ?? '', session);
            const record: unknown = JSON.parse(
              JSON.stringify(expected(whose, one, hash, clock.rfc3339(nowMs))),
            );
            expect(line).toBe(canonicalize(record));
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
