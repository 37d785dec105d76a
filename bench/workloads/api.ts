// What the servers of `bench/macro/` are asked, and the rules they decide by: one list, written once as Cedar policies and
// once as rules of a Cerbos resource policy.

import { ACTION_CLASSES } from '@firma/core';

export const AGENTS = 1000;

/** Bytes of a request's body, for every server. A token alone is 643. */
export const BODY_BYTES = 730;

interface Rule {
  readonly id: string;
  readonly effect: 'permit' | 'forbid';
  /** Absent: every action, every agent. */
  readonly action?: string;
  readonly agent?: string;
  /** When it applies, in Cedar's words and in CEL. */
  readonly when?: { readonly cedar: string; readonly cel: string };
}

// What is measured, a `code.read`, meets the first and the last.
const TEN_RULES: readonly Rule[] = [
  { id: 'read-code', effect: 'permit', action: 'code.read' },
  { id: 'read-issues', effect: 'permit', action: 'issue.read' },
  { id: 'write-code', effect: 'permit', action: 'code.write' },
  { id: 'write-issues', effect: 'permit', action: 'issue.write' },
  { id: 'read-payments', effect: 'permit', action: 'payment.read' },
  { id: 'pay', effect: 'permit', action: 'payment.transfer' },
  {
    id: 'pay-limit',
    effect: 'forbid',
    action: 'payment.transfer',
    when: {
      cedar: '!(context.params has amount && context.params.amount <= 5000)',
      cel: '!(has(R.attr.amount) && R.attr.amount <= 5000)',
    },
  },
  {
    id: 'model',
    effect: 'permit',
    action: 'communication.external.send',
    when: { cedar: 'resource.host == "api.anthropic.com"', cel: 'R.attr.host == "api.anthropic.com"' },
  },
  { id: 'no-deletion', effect: 'forbid', action: 'repo.admin' },
  {
    id: 'runaway',
    effect: 'forbid',
    when: { cedar: 'context.session.denies > 1000', cel: 'P.attr.denies > 1000' },
  },
];

/** In 100 of them 89 name an action and an agent, 10 one of the two, and 1 neither. */
function furtherRule(at: number): Rule {
  const neither = at % 100 === 99;
  const action = neither || at % 20 === 14 ? undefined : ACTION_CLASSES[at % ACTION_CLASSES.length]?.name;
  const agent = neither || at % 20 === 4 ? undefined : agentName((at * 7) % AGENTS);
  const denies = 2000 + at;
  return {
    id: `rule-${String(at).padStart(4, '0')}`,
    // What is not narrowed down is a forbid that does not apply: it is looked at, and the answer stays.
    effect: neither || action === undefined || agent === undefined ? 'forbid' : 'permit',
    ...(action === undefined ? {} : { action }),
    ...(agent === undefined ? {} : { agent }),
    when: { cedar: `context.session.denies > ${denies}`, cel: `P.attr.denies > ${denies}` },
  };
}

/** @param count at least ten */
function rulesOf(count: number): readonly Rule[] {
  return [...TEN_RULES, ...Array.from({ length: count - TEN_RULES.length }, (_, at) => furtherRule(at))];
}

export function agentName(index: number): string {
  return `agent-${index}`;
}

/** Cedar text of `count` policies. */
export function cedarPolicies(count: number): string {
  const policies = rulesOf(count).map(({ id, effect, action, agent, when }) => {
    const principal = agent === undefined ? 'principal' : `principal == Firma::Agent::"${agent}"`;
    const named = action === undefined ? 'action' : `action == Firma::Action::"${action}"`;
    const condition = when === undefined ? '' : ` when { ${when.cedar} }`;
    return `@id("${id}") ${effect} (${principal}, ${named}, resource)${condition};`;
  });
  return `${policies.join('\n')}\n`;
}

/** A Cerbos resource policy of `count` rules, as JSON. */
export function cerbosPolicy(count: number): string {
  const rules = rulesOf(count).map(({ id, effect, action, agent, when }) => {
    const conditions = [
      ...(agent === undefined ? [] : [`P.id == "${agent}"`]),
      ...(when === undefined ? [] : [when.cel]),
    ];
    return {
      name: id,
      actions: [action ?? '*'],
      roles: ['agent'],
      effect: effect === 'permit' ? 'EFFECT_ALLOW' : 'EFFECT_DENY',
      ...(conditions.length === 0 ? {} : { condition: { match: { expr: conditions.join(' && ') } } }),
    };
  });
  return JSON.stringify({
    apiVersion: 'api.cerbos.dev/v1',
    resourcePolicy: { version: 'default', resource: 'http', rules },
  });
}

/** One JSON body of exactly `BODY_BYTES`. @param build called with what fills it up */
function filled(build: (filler: string) => object): string {
  const bare = Buffer.byteLength(JSON.stringify(build('')));
  if (bare > BODY_BYTES)
    throw new Error(`the body has ${bare} bytes before it is filled up to ${BODY_BYTES}`);
  return JSON.stringify(build('x'.repeat(BODY_BYTES - bare)));
}

const HOST = 'api.github.com';
const PATH = '/repos/octocat/hello-world';

/** What `POST /v1/decide` is asked: may this agent read a repository? */
export function decideBody(token: string): string {
  return filled((filler) => ({ token, method: 'GET', url: `https://${HOST}${PATH}${filler}` }));
}

/** May it delete one? No. Of any length. */
export function deletionBody(token: string): string {
  return JSON.stringify({ token, method: 'DELETE', url: `https://${HOST}${PATH}` });
}

/** The same question for Cerbos, which has no token to look at. @param denies how often the agent was denied */
export function cerbosBody(agent: string, action = 'code.read', denies = 0): string {
  return filled((filler) => ({
    requestId: 'bench',
    principal: { id: agent, roles: ['agent'], attr: { groups: ['benches'], denies } },
    resources: [
      {
        actions: [action],
        resource: {
          kind: 'http',
          id: `${HOST}${PATH}`,
          attr: { host: HOST, path: PATH, method: 'GET', user_agent: `bench/1${filler}` },
        },
      },
    ],
  }));
}
