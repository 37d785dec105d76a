import type { BundlePolicy } from './bundle.ts';
import { hourUtc, weekdayUtc } from './context.ts';
import type { PolicyContext, PolicyQuery } from './port.ts';
import { READS } from './reads.ts';

export type FactValue = number | string | boolean | readonly string[];

type ContextRead = Exclude<
  keyof typeof READS,
  'budget' | 'params' | 'principal' | 'resource' | 'resource_groups' | 'action' | 'all_actions'
>;

const FACTS: Readonly<Record<ContextRead, readonly [string, (context: PolicyContext) => FactValue]>> = {
  session_id: ['session.id', ({ session }) => session.id],
  session_age_s: ['session.age_s', ({ session }) => session.ageS],
  session_calls: ['session.calls', ({ session }) => session.calls],
  session_denies: ['session.denies', ({ session }) => session.denies],
  session_classes: ['session.classes', ({ session }) => session.classes],
  session_tools: ['session.tools', ({ session }) => session.tools],
  session_hosts: ['session.hosts', ({ session }) => session.hosts],
  session_injected: ['session.injected', ({ session }) => session.injected],
  session_last_class: ['session.last_class', ({ session }) => session.lastClass],
  request_method: ['request.method', ({ request }) => request.method],
  request_scheme: ['request.scheme', ({ request }) => request.scheme],
  request_transport: ['request.transport', ({ request }) => request.transport],
  request_body_bytes: ['request.body_bytes', ({ request }) => request.bodyBytes],
  request_query_present: ['request.query_present', ({ request }) => request.queryPresent],
  time_now: ['time.now', ({ nowMs }) => new Date(nowMs).toISOString()],
  time_hour_utc: ['time.hour_utc', ({ nowMs }) => hourUtc(nowMs)],
  time_weekday_utc: ['time.weekday_utc', ({ nowMs }) => weekdayUtc(nowMs)],
  capability_actions: ['capability.actions', ({ capability }) => capability.actions],
  capability_scope: ['capability.scope', ({ capability }) => capability.scope],
  capability_age_s: ['capability.age_s', ({ capability }) => capability.ageS],
  capability_ttl_s: ['capability.ttl_s', ({ capability }) => capability.ttlS],
};

function isContextRead(name: string): name is ContextRead {
  return Object.hasOwn(FACTS, name);
}

/**
 * What a policy may look at in the context of a query, by path below `context`; of budgets and facts of the call all that
 * the query has.
 */
export function factsRead({ reads }: BundlePolicy, { context }: PolicyQuery): ReadonlyMap<string, FactValue> {
  const facts = new Map<string, FactValue>();
  for (const [name, bit] of Object.entries(READS)) {
    if ((reads & bit) === 0) continue;
    if (isContextRead(name)) {
      const [path, value] = FACTS[name];
      facts.set(path, value(context));
    } else if (name === 'budget' || name === 'params') {
      for (const [key, value] of Object.entries(context[name])) facts.set(`${name}.${key}`, value);
    }
  }
  return facts;
}
