import { findActionClass } from '../../native-free-core/registry/classes.ts';
import { startCedar } from '../../native-free-core/policy/cedar.ts';
import type { PolicyContext, PolicyQuery } from '../../native-free-core/policy/port.ts';
import type { SchemaInputs } from '../../native-free-core/policy/schema.ts';
import { cedarModule } from '../../src/cedar-module.ts';

startCedar(cedarModule());

export const INPUTS: SchemaInputs = { params: { count: 'long', channel: 'string' }, budgets: ['spend'] };

export const CONTEXT: PolicyContext = {
  session: {
    id: 'AAECAwQFBgcICQoLDA0ODw',
    ageS: 90,
    calls: 4,
    denies: 1,
    classes: ['code.read', 'payment.read'],
    tools: [],
    hosts: ['api.github.com', 'api.stripe.com'],
    injected: ['stripe'],
    lastClass: 'payment.read',
  },
  budget: { spend: 4000, 'token/calls': 7 },
  request: { method: 'POST', scheme: 'https', transport: 'proxy', bodyBytes: 27, queryPresent: false },
  // Wednesday, 2025-01-01, 13:30 UTC.
  nowMs: 1_735_738_200_000,
  capability: {
    actions: ['code.read', 'payment.read', 'payment.transfer'],
    scope: ['api.stripe.com'],
    ageS: 30,
    ttlS: 3570,
  },
  params: { amount: 1000, currency: 'usd' },
};

const RESOURCE: PolicyQuery['resource'] = {
  uid: 'api.stripe.com/v1/payment_intents',
  host: 'api.stripe.com',
  port: 443,
  path: '/v1/payment_intents',
  provider: 'stripe',
  method: 'POST',
  hostGroups: ['bank'],
};

export interface QueryChanges {
  readonly action?: string;
  readonly agent?: string;
  readonly groups?: readonly string[];
  readonly resource?: Partial<PolicyQuery['resource']>;
  readonly context?: Partial<PolicyContext>;
}

/** A payment of 10.00 usd by an agent of group `ops`, with what a test changes about it. */
export function query(changes: QueryChanges = {}): PolicyQuery {
  const action = findActionClass(changes.action ?? 'payment.transfer');
  if (action === undefined) throw new Error(`no class ${changes.action ?? ''}`);
  return {
    principal: { id: changes.agent ?? 'agent-7', groups: changes.groups ?? ['ops'] },
    action,
    resource: { ...RESOURCE, ...changes.resource },
    context: { ...CONTEXT, ...changes.context },
  };
}
