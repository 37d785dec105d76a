import { ACTION_CLASSES, type ActionClassInfo, type Bundle, loadBundle, type PolicyQuery } from '@firma/core';

const AGENTS = 1000;
const GROUPS = 50;
/** What one load takes: `loadBundle` refuses more than 1 MB of policies. */
const POLICIES_A_LOAD = 1000;

/** Which of 100 policies name what: 89 an action and an agent or a group, 10 only one of these, 1 nothing. */
export type Naming = 'mixed' | 'always' | 'never';

const CONDITIONS = [
  '',
  'when { context.session.calls < 500 }',
  'when { resource.host == "api.stripe.com" && context.request.method == "POST" }',
  'unless { context.params has amount && context.params.amount > 5000 }',
  'when { resource in Firma::HostGroup::"bank" }',
  'when { context.session.denies < 10 && context.time.hour_utc >= 8 }',
  'when { resource.path like "/v1/*" }',
  'unless { context.session.classes.contains(Firma::Action::"credential.read") }',
];

/** Every class comes as often, also among every tenth policy. */
function classAt(at: number): ActionClassInfo {
  const { length } = ACTION_CLASSES;
  const info = ACTION_CLASSES[(at + Math.floor(at / length)) % length];
  if (info === undefined) throw new Error('no classes');
  return info;
}

/** Neighbours name different agents, and the same agent comes back with other actions. */
function agentAt(at: number): number {
  return (at * 7) % AGENTS;
}

function policyAt(at: number, naming: Naming): string {
  const nothing = naming === 'never' || (naming === 'mixed' && at % 100 === 99);
  const onlyOne = naming === 'mixed' && at % 10 === 4;
  const agent = agentAt(at);
  const byGroup = at % 2 === 1;
  const named = byGroup
    ? `principal in Firma::AgentGroup::"group-${agent % GROUPS}"`
    : `principal == Firma::Agent::"agent-${agent}"`;
  const withAgent = !nothing && !(onlyOne && at % 20 === 4);
  const withAction = !nothing && !(onlyOne && at % 20 === 14);
  // What nothing narrows down is a forbid that seldom applies.
  const effect = nothing || at % 5 === 3 ? 'forbid' : 'permit';
  const condition = nothing
    ? `when { context.session.denies > ${10 + at} }`
    : (CONDITIONS[at % CONDITIONS.length] ?? '');
  return `@id("policy-${String(at).padStart(6, '0')}") ${effect} (${withAgent ? named : 'principal'}, ${
    withAction ? `action == Firma::Action::"${classAt(at).name}"` : 'action'
  }, resource) ${condition};`;
}

function bundleOf(policies: readonly string[]): Bundle {
  const parts: Bundle[] = [];
  for (let from = 0; from < policies.length; from += POLICIES_A_LOAD) {
    const text = policies.slice(from, from + POLICIES_A_LOAD).join('\n');
    parts.push(loadBundle([{ file: 'bench.cedar', text }], { params: {}, budgets: ['spend'] }));
  }
  const [first] = parts;
  if (first === undefined) throw new Error('no policies');
  // Ids are in the order of the policies, so what was loaded in parts is sorted as a whole.
  return { ...first, policies: parts.flatMap((part) => part.policies) };
}

/** `count` policies over 44 classes, 1,000 agents and 50 groups. Every one is parsed and validated. */
export function policiesOf(count: number, naming: Naming = 'mixed'): Bundle {
  return bundleOf(Array.from({ length: count }, (_, at) => policyAt(at, naming)));
}

/** 98 policies of one line: 96 permits that name an agent and an action, a forbid, a permit with two conditions. */
export function oneLinePolicies(): Bundle {
  const permits = Array.from(
    { length: 96 },
    (_, at) =>
      `@id("permit-${String(at).padStart(2, '0')}") permit (principal == Firma::Agent::"agent-${agentAt(at)}", ` +
      `action == Firma::Action::"${classAt(at).name}", resource);`,
  );
  return bundleOf([
    '@id("forbid") forbid (principal, action == Firma::Action::"code.merge", resource);',
    ...permits,
    '@id("small") permit (principal, action, resource) ' +
      'when { context.session.calls < 1000 && context.request.body_bytes <= 4096 };',
  ]);
}

/** Queries that each meet one of `count` policies at least: evenly spread, with its agent and its action. */
export function queriesOf(count: number, queries: number): readonly PolicyQuery[] {
  return Array.from({ length: queries }, (_, at) => queryAt(Math.floor((at * count) / queries), at));
}

// A session keeps its lists frozen, and the same ones from call to call.
const CLASSES = Object.freeze(['code.read', 'payment.read']);
const HOSTS = Object.freeze(['api.github.com', 'api.stripe.com']);
const INJECTED = Object.freeze(['stripe']);
const NOTHING: readonly string[] = Object.freeze([]);

function queryAt(policy: number, seed: number): PolicyQuery {
  const agent = agentAt(policy);
  const path = `/v1/charges/${seed % 97}`;
  return {
    principal: { id: `agent-${agent}`, groups: [`group-${agent % GROUPS}`] },
    action: classAt(policy),
    resource: {
      uid: `api.stripe.com${path}`,
      host: 'api.stripe.com',
      port: 443,
      path,
      provider: 'stripe',
      method: 'POST',
      hostGroups: seed % 3 === 0 ? ['bank'] : [],
    },
    context: {
      session: {
        id: 'AAECAwQFBgcICQoLDA0ODw',
        ageS: 90,
        calls: seed % 700,
        denies: seed % 12,
        classes: CLASSES,
        tools: NOTHING,
        hosts: HOSTS,
        injected: INJECTED,
        lastClass: 'payment.read',
      },
      budget: { spend: 4000 },
      request: { method: 'POST', scheme: 'https', transport: 'proxy', bodyBytes: 27, queryPresent: false },
      nowMs: 1_735_738_200_000,
      capability: { actions: ['payment.transfer'], scope: ['api.stripe.com'], ageS: 30, ttlS: 3570 },
      params: seed % 2 === 0 ? { amount: (seed * 37) % 9000, currency: 'usd' } : {},
    },
  };
}
