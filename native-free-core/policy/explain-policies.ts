import { isAuthorized } from '@cedar-policy/cedar-wasm/web';
import type { Bundle, BundlePolicy } from './bundle.ts';
import { assertCedarStarted } from './cedar.ts';
import { clausesOf, type PolicyClause } from './clauses.ts';
import { linkScope } from './compiled/link.ts';
import { QUERY_ACCESS } from './compiled/request-access.ts';
import { QueryEnv } from './compiled/request-env.ts';
import { factsRead, type FactValue } from './facts-read.ts';
import type { PolicyQuery } from './port.ts';
import { READS_ALL } from './reads.ts';
import { actionUidOf, cedarContext, cedarEntities, principalUid, resourceUid } from './request.ts';

export type ScopePart = 'principal' | 'action' | 'resource';

/** What one policy makes of one query. */
export interface PolicyFinding {
  readonly policy: BundlePolicy;
  /** `unsatisfied`: its scope admits the call and its condition is false. `unknown`: Cedar gave no answer. */
  readonly outcome: 'satisfied' | 'unsatisfied' | 'errored' | 'out-of-scope' | 'unknown';
  /** The parts of the scope that do not match. */
  readonly unmatched: readonly ScopePart[];
  /** What Cedar says of the error. */
  readonly error: string | undefined;
  /** The clause that keeps it from applying, or that errs: the first one, the others are not looked at. */
  readonly clause: FoundClause | undefined;
  /** What it may look at, by path below `context`; empty where it is out of scope. */
  readonly facts: ReadonlyMap<string, FactValue>;
}

export interface FoundClause {
  readonly kind: PolicyClause['kind'];
  /** From 1. */
  readonly number: number;
  /** In its file. */
  readonly line: number;
  /** As written, on one line. */
  readonly text: string;
}

type Asked = Exclude<PolicyFinding['outcome'], 'out-of-scope'>;

const PARTS: readonly ScopePart[] = ['principal', 'action', 'resource'];

function unmatchedParts({ lowered }: BundlePolicy, env: QueryEnv): readonly ScopePart[] {
  const scope = 'declined' in lowered ? lowered.scope : lowered;
  if (scope === undefined) return [];
  return PARTS.filter((part) => linkScope(part, scope[part], QUERY_ACCESS)?.(env) === false);
}

function ask(
  id: string,
  text: string,
  query: PolicyQuery,
): Pick<PolicyFinding, 'error'> & { outcome: Asked } {
  const answer = isAuthorized({
    principal: principalUid(query.principal.id),
    action: actionUidOf(query.action),
    resource: resourceUid(query.resource.uid),
    context: cedarContext(query.context, READS_ALL),
    entities: cedarEntities(query, READS_ALL),
    policies: { staticPolicies: { [id]: text } },
  });
  if (answer.type === 'failure') return { outcome: 'unknown', error: answer.errors[0]?.message };
  const { reason, errors } = answer.response.diagnostics;
  const [first] = errors;
  if (first !== undefined) return { outcome: 'errored', error: first.error.message };
  return { outcome: reason.length > 0 ? 'satisfied' : 'unsatisfied', error: undefined };
}

/** Asks about each clause by itself, as Cedar does: until one decides. */
function findClause({ id, text, line }: BundlePolicy, query: PolicyQuery): FoundClause | undefined {
  const clauses = clausesOf(text);
  const head = text.slice(0, clauses[0]?.start ?? 0);
  const found = clauses.find((clause) => ask(id, `${head}${clause.text};`, query).outcome !== 'satisfied');
  if (found === undefined) return undefined;
  const { kind, number, start } = found;
  const linesBefore = text.slice(0, start).split('\n').length - 1;
  return { kind, number, line: line + linesBefore, text: found.text.replaceAll(/\s+/g, ' ') };
}

function explainPolicy(policy: BundlePolicy, query: PolicyQuery, env: QueryEnv): PolicyFinding {
  const unmatched = unmatchedParts(policy, env);
  if (unmatched.length > 0) {
    return {
      policy,
      outcome: 'out-of-scope',
      unmatched,
      error: undefined,
      clause: undefined,
      facts: new Map(),
    };
  }
  const { outcome, error } = ask(policy.id, policy.text, query);
  const isStopped = outcome === 'unsatisfied' || outcome === 'errored';
  const clause = isStopped ? findClause(policy, query) : undefined;
  return { policy, outcome, unmatched, error, clause, facts: factsRead(policy, query) };
}

/**
 * Says of every policy of a bundle whether it applies to a query, each asked of cedar-wasm by itself.
 *
 * Cost: about half a millisecond for each policy whose scope admits the query, and for each of its clauses.
 *
 * @returns in the order of the bundle
 * @throws StartFailed where cedar is not started
 */
export function explainPolicies({ policies }: Bundle, query: PolicyQuery): readonly PolicyFinding[] {
  assertCedarStarted();
  const env = new QueryEnv(query);
  return policies.map((policy) => explainPolicy(policy, query, env));
}
