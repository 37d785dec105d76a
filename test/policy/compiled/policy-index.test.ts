import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bundle, loadBundle } from '../../../native-free-core/policy/bundle.ts';
import { CompiledEngine, linkBundle } from '../../../native-free-core/policy/compiled/engine.ts';
import { type Bucket, PolicyIndex } from '../../../native-free-core/policy/compiled/policy-index.ts';
import type { PolicyEngine, PolicyQuery } from '../../../native-free-core/policy/port.ts';
import { ReferenceEngine } from '../../../native-free-core/policy/reference.ts';
import { ACTION_CLASSES, classSet } from '../../../native-free-core/registry/classes.ts';
import { CONTEXT, INPUTS, query } from '../query.ts';

const ACTIONS = ['code.read', 'code.write', 'payment.transfer', 'payment.read'];
const NAMES = ['a', 'b', 'c'];

const uid = (type: string, names: readonly string[] = NAMES): fc.Arbitrary<string> =>
  fc.constantFrom(...names).map((name) => `Firma::${type}::"${name}"`);

/** A scope of one variable: nothing, an entity, a group, by `==`, `in`, `is` and `is … in`. */
function scope(variable: string, entity: string, group: string): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constant(variable),
    fc.constant(`${variable} is Firma::${entity}`),
    uid(entity).map((name) => `${variable} == ${name}`),
    uid(entity).map((name) => `${variable} in ${name}`),
    uid(group).map((name) => `${variable} in ${name}`),
    uid(group).map((name) => `${variable} is Firma::${entity} in ${name}`),
  );
}

const action = fc.oneof(
  fc.constant('action'),
  uid('Action', ACTIONS).map((name) => `action == ${name}`),
  uid('Action', [...ACTIONS, 'code', 'payment']).map((name) => `action in ${name}`),
  fc
    .array(uid('Action', ACTIONS), { minLength: 1, maxLength: 2 })
    .map((names) => `action in [${names.join()}]`),
);

// The third is false without a call, true after one, and errs after more.
const condition = fc.constantFrom(
  '',
  'when { context.session.calls < 2 }',
  'when { context.session.calls * 9223372036854775807 > 0 }',
  'unless { context.params has amount && context.params.amount <= 10 }',
  'when { principal in Firma::AgentGroup::"a" || resource in Firma::HostGroup::"b" }',
);

const policy = fc
  .record({
    effect: fc.constantFrom('permit', 'permit', 'forbid', '@outcome("abort") forbid', '@reason("r") forbid'),
    principal: scope('principal', 'Agent', 'AgentGroup'),
    action,
    resource: scope('resource', 'Resource', 'HostGroup'),
    condition,
  })
  .map(
    ({ effect, principal, action: of, resource, condition: test }) =>
      `${effect} (${principal}, ${of}, ${resource}) ${test};`,
  );

const policies = fc
  .array(policy, { minLength: 1, maxLength: 12 })
  .map((texts) => texts.map((text, at) => `@id("p${at}") ${text}`).join('\n'));

const groups = fc.array(fc.constantFrom(...NAMES), { maxLength: 3 });

const asked: fc.Arbitrary<PolicyQuery> = fc
  .record({
    action: fc.constantFrom(...ACTIONS),
    agent: fc.constantFrom(...NAMES, 'd'),
    groups,
    uid: fc.constantFrom(...NAMES, 'd'),
    hostGroups: groups,
    calls: fc.integer({ min: 0, max: 3 }),
    amount: fc.option(fc.integer({ min: 9, max: 11 }), { nil: undefined }),
  })
  .map(({ uid: name, hostGroups, calls, amount, ...rest }) =>
    query({
      ...rest,
      resource: { uid: name, hostGroups },
      context: { session: { ...CONTEXT.session, calls }, params: amount === undefined ? {} : { amount } },
    }),
  );

const noReference: PolicyEngine = {
  name: 'none',
  evaluate() {
    throw new Error('the compiled engine has no answer of its own');
  },
};

function withoutIndex(bundle: Bundle): CompiledEngine {
  return new CompiledEngine(noReference, linkBundle(bundle, { indexed: false }));
}

describe('the policy index', () => {
  it('changes no answer, and the answers are those of the reference engine', () => {
    fc.assert(
      fc.property(policies, fc.array(asked, { minLength: 20, maxLength: 20 }), (text, queries) => {
        const bundle = loadBundle([{ file: 'a.cedar', text }], INPUTS);
        const engines = [new CompiledEngine(noReference, linkBundle(bundle)), withoutIndex(bundle)];
        const reference = new ReferenceEngine(bundle);
        try {
          for (const one of queries) {
            const expected = reference.evaluate(one);
            for (const engine of engines) expect(engine.evaluate(one)).toEqual(expected);
          }
        } finally {
          reference.close();
        }
      }),
      { numRuns: 60 },
    );
  });

  it('hands over what can apply, each once', () => {
    const index = new PolicyIndex<string>();
    const read = classSet(ACTION_CLASSES.filter(({ name }) => name === 'code.read'));
    const buckets: readonly Bucket[] = [
      { kind: 'any' },
      { kind: 'agent', id: 'a' },
      { kind: 'agent', id: 'b' },
      { kind: 'agentGroup', id: 'a' },
      { kind: 'agentGroup', id: 'g' },
      { kind: 'resource', id: 'r' },
      { kind: 'resource', id: 'a' },
      { kind: 'hostGroup', id: 'h' },
      { kind: 'hostGroup', id: 'g' },
    ];
    for (const bucket of buckets)
      index.add('id' in bucket ? `${bucket.kind} ${bucket.id}` : 'any', read, bucket, 1);
    const met = (changes: Parameters<typeof query>[0]): string[] => {
      const names: string[] = [];
      index.visit(query(changes), { meet: (list) => names.push(...list) });
      return names;
    };
    const changes = { agent: 'a', groups: ['g', 'x', 'g'], resource: { uid: 'r', hostGroups: ['h', 'h'] } };
    expect(met({ ...changes, action: 'code.read' })).toEqual([
      'any',
      'agent a',
      'resource r',
      'agentGroup g',
      'hostGroup h',
    ]);
    expect(met({ ...changes, action: 'code.write' })).toEqual([]);
    expect(index.reads(query({ action: 'code.read' }).action.index)).toBe(1);
    expect(index.reads(query({ action: 'code.write' }).action.index)).toBeUndefined();
  });

  it('has a query meet few of 10,000 policies that name an action and an agent or a group', () => {
    const index = new PolicyIndex<number>();
    for (let at = 0; at < 10_000; at += 1) {
      const { length } = ACTION_CLASSES;
      const classes = classSet(
        at % 20 === 0 ? ACTION_CLASSES : [ACTION_CLASSES[at % length]].flatMap((c) => c ?? []),
      );
      const named: Bucket =
        at % 2 === 0
          ? { kind: 'agent', id: `agent-${at % 1000}` }
          : { kind: 'agentGroup', id: `group-${at % 50}` };
      index.add(at, classes, at % 20 === 10 ? { kind: 'any' } : named, 0);
    }
    for (let at = 0; at < 100; at += 1) {
      let met = 0;
      const action = ACTION_CLASSES[at % ACTION_CLASSES.length]?.name ?? '';
      index.visit(query({ action, agent: `agent-${at}`, groups: [`group-${at % 50}`] }), {
        meet: (list) => {
          met += list.length;
        },
      });
      expect(met).toBeLessThan(50);
    }
  });
});
