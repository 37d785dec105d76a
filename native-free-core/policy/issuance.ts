import { type EntityJson, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/web';
import type { PolicyInvalid } from '../errors.ts';
import type { ActionClassInfo } from '../registry/classes.ts';
import type { CanonicalBundle } from './bundle.ts';
import { loadingPolicies } from './cedar-failure.ts';
import { type LoadedPolicy, loadPolicies, readPolicies } from './load.ts';
import type { PolicySource } from './port.ts';
import { allWellFormed } from './exact-query.ts';
import { PreparsedSets } from './preparsed.ts';
import { actionEntity, agentEntity } from './request.ts';
import { actionDeclarations } from './schema.ts';
import { CONTEXT_ERROR, ENGINE_ERROR, speakerOf } from './verdict.ts';

const GRANT = { type: 'Firma::Grant', id: 'token' };

const ISSUANCE_SCHEMA = `namespace Firma {
  entity AgentGroup;
  entity Agent in [AgentGroup];
  entity Grant;
  type Ctx = { ttl_s: Long, scope: Set<String>, whole_scope: Bool };
${actionDeclarations('principal: Agent, resource: Grant, context: Ctx')}
}
`;

/** What a token is asked for. */
export interface IssuanceQuery {
  readonly agent: string;
  readonly groups: readonly string[];
  readonly actions: readonly ActionClassInfo[];
  /** Patterns of semantics §2; `context.scope`. */
  readonly scope: readonly string[];
  readonly ttlS: number;
}

/** One class that may not be given. */
export interface IssuanceRefusal {
  readonly action: string;
  /** The forbids, or the policies that errored; empty where no policy permits the class. */
  readonly policies: readonly string[];
  readonly reason: string | undefined;
  readonly remedy: string | undefined;
}

/** Whether a pattern admits every host. */
function isWhole(pattern: string): boolean {
  const afterScheme = pattern.indexOf('://');
  const host = afterScheme < 0 ? pattern : pattern.slice(afterScheme + 3);
  return host === '*' || host.startsWith('*/') || host.startsWith('*:');
}

/** What a check of issuance policies finds. */
export interface IssuanceCheck {
  /** What stops them from loading, by place, at most 50. */
  readonly problems: readonly PolicyInvalid[];
  readonly permits: number;
  readonly forbids: number;
}

/** Loads issuance policies to see whether they load. */
export function checkIssuance(sources: readonly PolicySource[]): IssuanceCheck {
  const { policies, problems } = readPolicies(sources, ISSUANCE_SCHEMA);
  const permits = policies.filter(({ json }) => json.effect === 'permit').length;
  return { problems, permits, forbids: policies.length - permits };
}

/** The policies that say which agent may be given a token for which class. The Authority asks them; never a call. */
export class IssuancePolicies {
  /** What their digest is over. */
  readonly canonical: CanonicalBundle;
  readonly #policies: ReadonlyMap<string, LoadedPolicy>;
  readonly #sets = new PreparsedSets();
  readonly #setId: string;

  /** @throws PolicyInvalid see `loadPolicies` */
  constructor(sources: readonly PolicySource[]) {
    const policies = loadingPolicies(() => loadPolicies(sources, ISSUANCE_SCHEMA));
    this.#policies = new Map(policies.map((policy) => [policy.id, policy]));
    this.canonical = {
      schema: ISSUANCE_SCHEMA,
      policies: policies.map(({ id, text }) => ({ id, text })),
    };
    const texts: Record<string, string> = {};
    for (const { id, text } of policies) texts[id] = text;
    this.#setId = loadingPolicies(() => this.#sets.add(texts));
  }

  /** Asks about each class by itself. @returns the classes refused; none: all may be given */
  evaluate(query: IssuanceQuery): readonly IssuanceRefusal[] {
    const principal = agentEntity(query.agent, query.groups);
    const refusals: IssuanceRefusal[] = [];
    for (const action of query.actions) {
      const refusal = this.#judge(query, action, principal);
      if (refusal !== undefined) refusals.push(refusal);
    }
    return refusals;
  }

  close(): void {
    this.#sets.close();
  }

  #judge(query: IssuanceQuery, action: ActionClassInfo, principal: EntityJson): IssuanceRefusal | undefined {
    const texts = [query.agent, ...query.groups, ...query.scope];
    if (!Number.isSafeInteger(query.ttlS) || !allWellFormed(texts)) {
      return this.#refusal(action, [CONTEXT_ERROR]);
    }
    const own = actionEntity(action);
    try {
      const answer = statefulIsAuthorized({
        principal: principal.uid,
        action: own.uid,
        resource: GRANT,
        context: {
          ttl_s: query.ttlS,
          scope: query.scope.slice(),
          whole_scope: query.scope.some(isWhole),
        },
        entities: [principal, own],
        preparsedPolicySetId: this.#setId,
      });
      if (answer.type === 'failure') return this.#refusal(action, [ENGINE_ERROR]);
      const { decision, diagnostics } = answer.response;
      if (decision === 'allow' && diagnostics.errors.length === 0) return undefined;
      const ids = diagnostics.errors.map((error) => error.policyId);
      // Permits that held beside an error refuse nothing.
      if (decision === 'deny') ids.push(...diagnostics.reason);
      return this.#refusal(action, ids);
    } catch {
      return this.#refusal(action, [ENGINE_ERROR]);
    }
  }

  #refusal(action: ActionClassInfo, ids: readonly string[]): IssuanceRefusal {
    const policies = [...new Set(ids)].sort();
    const speaker = speakerOf(policies.flatMap((id) => this.#policies.get(id) ?? []));
    return { action: action.name, policies, reason: speaker?.reason, remedy: speaker?.remedy };
  }
}
