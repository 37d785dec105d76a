import {
  type EntityJson,
  type PolicyJson,
  policyToJson,
  preparsePolicySet,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/web';
import { startCedar } from '../../../native-free-core/policy/cedar.ts';
import type { Access } from '../../../native-free-core/policy/compiled/access.ts';
import { type AuthorizationRequest, REQUEST_ACCESS } from './cedar/authorize.ts';
import { EntityStore } from './cedar/entity-store.ts';
import type { LoweredPolicy } from '../../../native-free-core/policy/compiled/expr.ts';
import { readRecord, readUid } from './cedar/json-values.ts';
import { linkPolicy } from '../../../native-free-core/policy/compiled/link.ts';
import { lowerPolicy } from '../../../native-free-core/policy/compiled/lower.ts';
import { splitLongs } from '../../../native-free-core/policy/compiled/split-longs.ts';
import { cedarModule } from '../../../src/cedar-module.ts';

startCedar(cedarModule());

export const uid = (type: string, id: string) => ({ __entity: { type, id } });
export const extension = (fn: string, arg: string) => ({ __extn: { fn, arg } });

export const PRINCIPAL = { type: 'User', id: 'alice' };
const ACTION = { type: 'Action', id: 'view' };
const RESOURCE = { type: 'Photo', id: 'absent' };

/** `alice` in `team` in `company`; the resource does not exist. */
export const ENTITIES: EntityJson[] = [
  {
    uid: PRINCIPAL,
    attrs: { age: 30, name: 'alice', boss: uid('User', 'bob'), address: { city: 'X', zip: { code: 7 } } },
    parents: [{ type: 'Group', id: 'team' }],
    tags: { level: 3, role: 'admin' },
  },
  { uid: { type: 'User', id: 'bob' }, attrs: { address: { city: 'Y' } }, parents: [] },
  { uid: { type: 'Group', id: 'team' }, attrs: {}, parents: [{ type: 'Group', id: 'company' }] },
  { uid: { type: 'Group', id: 'company' }, attrs: {}, parents: [] },
];

export type Context = NonNullable<Parameters<typeof statefulIsAuthorized>[0]['context']>;

export function requestOf(context: Context): AuthorizationRequest {
  const entities = EntityStore.read(ENTITIES);
  const [principal, action, resource] = [readUid(PRINCIPAL), readUid(ACTION), readUid(RESOURCE)];
  const record = readRecord(context);
  if (!entities || !principal || !action || !resource || !record) throw new Error('unreadable request');
  return { principal, action, resource, context: record, entities };
}

export function policyJson(text: string): PolicyJson {
  const answer = policyToJson(text);
  if (answer.type === 'failure') throw new Error(`${text}: ${answer.errors[0]?.message}`);
  return answer.json;
}

export function lowered(text: string): LoweredPolicy {
  const policy = lowerPolicy(policyJson(splitLongs(text)));
  if ('declined' in policy) throw new Error(`${text}: ${policy.declined}`);
  return policy;
}

export function permitWhen(condition: string): string {
  return `permit (principal, action, resource) when { ${condition} };`;
}

/** For each policy what it answers to each context: 0 unsatisfied, 1 satisfied, 2 errored. */
type Answers = Record<string, readonly number[]>;

function cedarAnswers(policies: readonly string[], contexts: readonly Context[]): Answers {
  const parsed = preparsePolicySet('oracle', {
    staticPolicies: Object.fromEntries(policies.map((text, index) => [`p${index}`, text])),
  });
  if (parsed.type === 'failure') throw new Error(parsed.errors[0]?.message);
  const answers = policies.map((): number[] => []);
  for (const context of contexts) {
    const answer = statefulIsAuthorized({
      principal: PRINCIPAL,
      action: ACTION,
      resource: RESOURCE,
      context,
      entities: ENTITIES,
      preparsedPolicySetId: 'oracle',
    });
    if (answer.type === 'failure') throw new Error(answer.errors[0]?.message);
    const { reason, errors } = answer.response.diagnostics;
    const satisfied = new Set(reason);
    const errored = new Set(errors.map(({ policyId }) => policyId));
    for (const [index, list] of answers.entries()) {
      list.push(errored.has(`p${index}`) ? 2 : satisfied.has(`p${index}`) ? 1 : 0);
    }
  }
  return Object.fromEntries(policies.map((text, index) => [text, answers[index] ?? []]));
}

function numberOf(answer: unknown): number {
  if (answer === true) return 1;
  return answer === false ? 0 : 2;
}

/** @param access what the compiled engine reads requests by */
export function compiledAnswers(
  policies: readonly string[],
  contexts: readonly Context[],
  access: Access<AuthorizationRequest> = REQUEST_ACCESS,
): Answers {
  const requests = contexts.map(requestOf);
  return Object.fromEntries(
    policies.map((text) => {
      const run = linkPolicy(lowered(text), access);
      return [text, requests.map((request) => numberOf(run(request)))];
    }),
  );
}

export interface Comparison {
  /** `text -> compiled, cedar` of every policy on which the engines differ. */
  readonly differences: readonly string[];
  /** How many answers there were of each kind: unsatisfied, satisfied, errored. */
  readonly counts: readonly [number, number, number];
}

/** Asks cedar-wasm and the compiled engine. All policies are permits. */
export function compare(policies: readonly string[], contexts: readonly Context[] = [{}]): Comparison {
  const ours = compiledAnswers(policies, contexts);
  const counts: [number, number, number] = [0, 0, 0];
  const differences: string[] = [];
  for (const [text, theirs] of Object.entries(cedarAnswers(policies, contexts))) {
    const mine = ours[text] ?? [];
    if (mine.join() !== theirs.join()) differences.push(`${text} -> ${mine.join()}, ${theirs.join()}`);
    for (const answer of theirs) if (answer === 0 || answer === 1 || answer === 2) counts[answer] += 1;
  }
  return { differences, counts };
}
