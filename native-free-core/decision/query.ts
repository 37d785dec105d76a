import type { Envelope, Reading } from '../normalizer/envelope.ts';
import type { PolicyQuery, PolicyVerdict } from '../policy/port.ts';
import type { BudgetLine } from '../session/budget.ts';
import type { SessionSnapshot } from '../session/table.ts';
import type { Bearer } from './bearer.ts';

const NOTHING: Readonly<Record<string, number>> = Object.freeze({});

/** Of the configured budgets only: a policy cannot know what a token is going to carry (`token/<name>`). */
function remainders(lines: readonly BudgetLine[]): Readonly<Record<string, number>> {
  if (lines.length === 0) return NOTHING;
  const remaining: Record<string, number> = {};
  for (const line of lines) {
    if (!line.name.includes('/')) remaining[line.name] = line.remaining;
  }
  return remaining;
}

/** What Cedar is asked about one reading. A pure function of the five recorded inputs (invariant 3). */
export function policyQuery(
  envelope: Envelope,
  reading: Reading,
  bearer: Bearer,
  session: SessionSnapshot,
  budgets: readonly BudgetLine[],
  nowMs: number,
): PolicyQuery {
  const { claims } = bearer.capability;
  const nowS = Math.floor(nowMs / 1000);
  return {
    principal: bearer.principal,
    action: reading.actionClass,
    resource: reading.resource,
    context: {
      session: {
        id: claims.sid,
        ageS: session.ageS,
        calls: session.calls,
        denies: session.denies,
        classes: session.classes,
        tools: session.tools,
        hosts: session.hosts,
        injected: session.injected,
        lastClass: session.lastClass,
      },
      budget: remainders(budgets),
      request: {
        method: reading.resource.method,
        scheme: envelope.target.scheme,
        transport: envelope.transport,
        bodyBytes: envelope.bodyBytes,
        queryPresent: envelope.target.query !== '',
      },
      nowMs: Math.floor(nowMs),
      capability: {
        actions: claims.actionSet,
        scope: claims.resourceScope,
        ageS: Math.max(0, nowS - claims.iat),
        ttlS: Math.max(0, claims.exp - nowS),
      },
      params: reading.params,
    },
  };
}

function merged(left: readonly string[], right: readonly string[]): readonly string[] {
  return Array.from(new Set(left.concat(right))).sort();
}

/** Of two readings' verdicts the one that counts: a call is allowed only if every reading is. */
export function combineVerdicts(left: PolicyVerdict, right: PolicyVerdict): PolicyVerdict {
  const errored = merged(left.errored, right.errored);
  if (left.allowed && right.allowed) {
    const determining = merged(left.determining, right.determining);
    const abort = left.abort || right.abort;
    return { allowed: true, determining, errored, abort, reason: left.reason, remedy: left.remedy };
  }
  // Among refusals a forbid says more than a missing permit, so its policies, reason and remedy are the ones kept.
  const kept = !left.allowed && (right.allowed || left.determining.length > 0) ? left : right;
  const other = kept === left ? right : left;
  return {
    allowed: false,
    determining: other.allowed ? kept.determining : merged(kept.determining, other.determining),
    errored,
    abort: left.abort || right.abort,
    reason: kept.reason,
    remedy: kept.remedy,
  };
}
