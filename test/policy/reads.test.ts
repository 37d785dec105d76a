import { isAuthorized } from '@cedar-policy/cedar-wasm/web';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBundle } from '../../native-free-core/policy/bundle.ts';
import { READS, READS_ALL, SECTIONS } from '../../native-free-core/policy/reads.ts';
import { ReferenceEngine } from '../../native-free-core/policy/reference.ts';
import {
  actionUidOf,
  cedarContext,
  cedarEntities,
  principalUid,
  resourceUid,
} from '../../native-free-core/policy/request.ts';
import { CONTEXT, INPUTS, query, type QueryChanges } from './query.ts';

function reads(condition: string, scope = 'principal, action, resource'): number {
  const text = `@id("p") permit (${scope}) when { ${condition} };`;
  return loadBundle([{ file: 'a.cedar', text }], INPUTS).policies[0]?.reads ?? -1;
}

const ENTITIES = READS.principal | READS.resource | READS.resource_groups | READS.action | READS.all_actions;

describe('what a policy reads', () => {
  it.each([
    ['context.session.calls > 1', READS.session_calls],
    ['context has session.last_class', READS.session_last_class],
    ['context.params has amount && context.params.amount > 1', READS.params],
    ['context has session', SECTIONS.session],
    ['[context.session] == [context.session]', SECTIONS.session],
    ['principal == Firma::Agent::"a"', READS.principal],
    ['principal is Firma::Agent', 0],
    ['resource in Firma::HostGroup::"model"', READS.resource_groups],
    ['resource.host like "*.com"', READS.resource],
    ['action in [Firma::Action::"payment"]', READS.action],
    ['Firma::Agent::"a" in Firma::AgentGroup::"b"', ENTITIES],
    [
      'context.session has last_class && context.session.last_class in Firma::Action::"payment"',
      ENTITIES | READS.session_last_class,
    ],
  ])('%s', (condition, expected) => {
    expect(reads(condition)).toBe(expected);
  });

  it('includes the scope', () => {
    expect(reads('true', 'principal == Firma::Agent::"a", action, resource')).toBe(0);
    expect(reads('true', 'principal in Firma::AgentGroup::"a", action, resource')).toBe(READS.principal);
    expect(reads('true', 'principal is Firma::Agent in Firma::AgentGroup::"a", action, resource')).toBe(
      READS.principal,
    );
    expect(reads('true', 'principal, action in Firma::Action::"payment", resource')).toBe(READS.action);
    expect(reads('true', 'principal, action, resource in Firma::HostGroup::"m"')).toBe(READS.resource_groups);
  });
});

const ATOMS = [
  'principal in Firma::AgentGroup::"ops"',
  'principal == Firma::Agent::"agent-7"',
  'Firma::Agent::"agent-7" in Firma::AgentGroup::"ops"',
  'action in Firma::Action::"payment"',
  '[action, Firma::Action::"code.read"].contains(Firma::Action::"payment.transfer")',
  'Firma::Action::"code.read" in Firma::Action::"code"',
  '(if context.request.query_present then Firma::Action::"code.read" else action) in Firma::Action::"code"',
  'resource in Firma::HostGroup::"bank"',
  'resource.host == "api.stripe.com"',
  'resource has provider && resource.provider == "stripe"',
  '(if context.session.calls > 4 then resource else resource).method == "POST"',
  'context.session.classes.contains(action)',
  'context.session has last_class && context.session.last_class in [Firma::Action::"payment"]',
  'context.session.hosts.contains(resource.host)',
  '(if context.request.query_present then context.session else context.session).calls > 4',
  '{ a: context.session }.a.denies > 0',
  'context == context && context.session.calls > 4',
  'context has params.amount && context.params.amount > 500',
  'context.params has currency && context.params.currency == "usd"',
  'context.budget has spend && context.budget.spend > 0',
  'context.time.hour_utc == 13 && context.time.weekday_utc == 3',
  'context.time.now > datetime("2025-01-01")',
  'context.capability.actions.contains(action) && context.capability.ttl_s > context.capability.age_s',
  'context.capability.scope.contains("api.stripe.com")',
  'context.request == { method: "POST", scheme: "https", transport: "proxy", body_bytes: 27, query_present: false }',
  'context.request.body_bytes * 9223372036854775807 > 0',
];

const condition = fc.letrec<{ readonly expr: string; readonly atom: string }>((tie) => ({
  atom: fc.constantFrom(...ATOMS),
  expr: fc.oneof(
    { depthSize: 'small' },
    tie('atom'),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `(${a}) && (${b})`),
    fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `(${a}) || (${b})`),
    tie('expr').map((a) => `!(${a})`),
    fc.tuple(tie('atom'), tie('expr'), tie('expr')).map(([a, b, c]) => `if ${a} then ${b} else ${c}`),
  ),
})).expr;

const scope = fc.constantFrom(
  'principal, action, resource',
  'principal in Firma::AgentGroup::"ops", action in Firma::Action::"payment", resource',
  'principal, action == Firma::Action::"code.read", resource in Firma::HostGroup::"bank"',
  'principal is Firma::Agent in Firma::AgentGroup::"dev", action, resource is Firma::Resource',
);

const policy = fc
  .tuple(fc.constantFrom('permit', 'forbid'), scope, fc.constantFrom('when', 'unless'), condition)
  .map(([effect, scope, clause, expr]) => `${effect} (${scope}) ${clause} { ${expr} };`);

const call = fc.record<Required<QueryChanges>>({
  action: fc.constantFrom('payment.transfer', 'code.read', 'repo.admin'),
  agent: fc.constantFrom('agent-7', 'agent-8'),
  groups: fc.subarray(['ops', 'dev']),
  resource: fc.record({
    provider: fc.constantFrom('', 'stripe', 'github'),
    hostGroups: fc.subarray(['bank', 'model']),
    method: fc.constantFrom('GET', 'POST'),
  }),
  context: fc.record({
    session: fc
      .record({
        calls: fc.nat(9),
        classes: fc.subarray(['code.read', 'payment.transfer']),
        lastClass: fc.constantFrom('', 'code.read', 'payment.read'),
      })
      .map((changes) => ({ ...CONTEXT.session, ...changes })),
    budget: fc.constantFrom({}, { spend: -1 }, { spend: 5, 'token/x': 1 }),
    params: fc.constantFrom<Readonly<Record<string, number | string>>>({}, { amount: 1 }, CONTEXT.params),
  }),
});

describe('sending only what is read', () => {
  it('gives the answer that Cedar gives for everything', () => {
    // What validation refuses (a condition that is always false, say) is no bundle, and no case.
    const bundles = fc.array(policy, { minLength: 1, maxLength: 4 }).map((policies) => {
      const text = policies.map((body, index) => `@id("p${index}") ${body}`).join('\n');
      try {
        return loadBundle([{ file: 'a.cedar', text }], INPUTS);
      } catch {
        return undefined;
      }
    });
    let answered = 0;
    fc.assert(
      fc.property(bundles, fc.array(call, { minLength: 4, maxLength: 4 }), (bundle, calls) => {
        fc.pre(bundle !== undefined);
        if (bundle === undefined) return;
        const engine = new ReferenceEngine(bundle);
        for (const changes of calls) {
          const asked = query(changes);
          const whole = isAuthorized({
            principal: principalUid(asked.principal.id),
            action: actionUidOf(asked.action),
            resource: resourceUid(asked.resource.uid),
            context: cedarContext(asked.context, READS_ALL),
            entities: cedarEntities(asked, READS_ALL),
            policies: {
              staticPolicies: Object.fromEntries(bundle.policies.map(({ id, text }) => [id, text])),
            },
          });
          const verdict = engine.evaluate(asked);
          if (whole.type === 'failure') throw new Error(whole.errors[0]?.message);
          const { decision, diagnostics } = whole.response;
          const errored = diagnostics.errors.map((error) => error.policyId).sort();
          expect(verdict.errored).toEqual(errored);
          expect(verdict.allowed).toBe(decision === 'allow' && errored.length === 0);
          // Permits beside an error determine nothing: the call is denied.
          const determining = decision === 'allow' && errored.length > 0 ? [] : diagnostics.reason.sort();
          expect(verdict.determining).toEqual(determining);
          answered += 1;
        }
        engine.close();
      }),
      { numRuns: 60 },
    );
    expect(answered).toBe(240);
  });
});
