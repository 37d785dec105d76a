import { STATUS_CODES } from 'node:http';
import type { BudgetLine, Decision, Outcome, Reason } from '@firma/core';
import type { Failure } from './failure.ts';

/** What an agent is told about a call that did not happen. */
export interface Denial {
  readonly outcome: Outcome;
  readonly scope: 'session' | 'call' | undefined;
  readonly reason: Reason;
  readonly detail: string;
  readonly remedy: string | undefined;
  readonly actionClass: string | undefined;
  readonly resource: string | undefined;
  readonly policies: readonly string[];
  /** That count the call, with what remains of each. */
  readonly budgets: readonly BudgetLine[];
  readonly eventId: string | undefined;
  /** Seconds after which the call may find room in its budget. */
  readonly retryAfterS: number | undefined;
}

/** Who asks: what decides the form of the answer. */
export interface Asker {
  readonly accept: string | undefined;
  readonly userAgent: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** For the 503s: what is missing there comes back by itself. */
const RETRY_AFTER_S = 1;
const TOO_MANY = 429;

const STATUS: Partial<Record<Reason, number>> = {
  OVERLOADED: 503,
  AUDIT_UNAVAILABLE: 503,
  BUNDLE_NOT_READY: 503,
  BUNDLE_STALE: 503,
  REVOCATIONS_STALE: 503,
  UPSTREAM_UNREACHABLE: 502,
  UPSTREAM_TIMEOUT: 504,
};

const TITLE: Readonly<Record<Outcome, string>> = {
  ALLOW: 'Allowed',
  DENY: 'Call denied',
  ABORT: 'Call aborted',
};

/** What a decision that is no ALLOW says. */
export function denialOf(decision: Decision): Denial {
  const reading = decision.envelope?.readings[0];
  return {
    outcome: decision.outcome,
    scope: decision.scope,
    reason: decision.reason,
    detail: decision.detail,
    remedy: decision.remedy,
    actionClass: reading?.actionClass.name,
    resource: reading?.resource.uid,
    policies: decision.policies,
    budgets: decision.budgets,
    eventId: decision.eventId,
    retryAfterS: decision.retryAfterS,
  };
}

/** What became of an allowed call that failed afterwards: an ABORT of that call, or of its session. */
export function failureOf(decision: Decision, failure: Failure): Denial {
  const { reason, detail } = failure;
  const scope = reason === 'SESSION_ABORTED' ? 'session' : 'call';
  const denial = denialOf(decision);
  // What remained when the call was allowed does not remain now.
  const gone = { budgets: [], remedy: undefined, retryAfterS: undefined };
  return { ...denial, ...gone, outcome: 'ABORT', scope, reason, detail };
}

type Form = 'problem' | 'json' | 'npm' | 'text';

function formFor({ accept, userAgent }: Asker): Form {
  // git shows the body of an error only where it is plain text.
  if (userAgent?.startsWith('git/') === true) return 'text';
  const types = accept?.toLowerCase() ?? '';
  if (types.includes('vnd.npm')) return 'npm';
  if (types.includes('problem+json')) return 'problem';
  return types.includes('json') ? 'json' : 'problem';
}

function render(
  status: number,
  message: string,
  code: string,
  members: object,
  asker: Asker,
  retryAfterS = status === 503 ? RETRY_AFTER_S : undefined,
): Answer {
  const form = formFor(asker);
  const error = form === 'npm' ? message : { type: 'firma_denied', code, message };
  const body = form === 'text' ? `${message}\n` : `${JSON.stringify({ ...members, message, error })}\n`;
  const type =
    form === 'text'
      ? 'text/plain; charset=utf-8'
      : form === 'problem'
        ? 'application/problem+json'
        : 'application/json';
  return {
    status,
    headers: {
      'content-type': type,
      'content-length': String(Buffer.byteLength(body)),
      'cache-control': 'no-store',
      ...(retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }),
    },
    body,
  };
}

function statusOf({ reason, retryAfterS }: Denial): number {
  return STATUS[reason] ?? (retryAfterS === undefined ? 403 : TOO_MANY);
}

/**
 * Writes a denial in the form its asker shows to people (semantics §7): RFC 9457 members, `firma`, `message`, `error`.
 *
 * @param status in place of the reason's own: 421, 431 and the like
 */
export function answerDenial(denial: Denial, asker: Asker, status = statusOf(denial)): Answer {
  const { detail, remedy, reason } = denial;
  const message = remedy === undefined ? detail : `${detail}. ${remedy}`;
  const members = {
    type: `urn:firma:reason:${reason}`,
    title: denial.scope === 'session' ? 'Session ended' : TITLE[denial.outcome],
    status,
    detail,
    firma: {
      outcome: denial.outcome,
      scope: denial.scope,
      reason,
      action_class: denial.actionClass,
      resource: denial.resource,
      policies: denial.policies,
      budgets: denial.budgets.length === 0 ? undefined : denial.budgets,
      remedy,
      event_id: denial.eventId,
    },
  };
  return render(
    status,
    message,
    reason,
    members,
    asker,
    status === TOO_MANY ? denial.retryAfterS : undefined,
  );
}

/** 407: a call that names no session is no decision. */
export function answerUnauthenticated(asker: Asker): Answer {
  const detail =
    'the proxy credential is missing or names no open session; it is part of the proxy URL an agent is given';
  const members = { type: 'urn:firma:reason:PROXY_CREDENTIAL', title: 'No session', status: 407, detail };
  const answer = render(407, detail, 'PROXY_CREDENTIAL', members, asker);
  return { ...answer, headers: { ...answer.headers, 'proxy-authenticate': 'Basic realm="firma"' } };
}

/** An answer as the bytes of a last HTTP/1.1 response, for a socket that no parser serves. */
export function lastResponse({ status, headers, body }: Answer): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}connection: close\r\n\r\n${body}`;
}
