import type { Decision, Reason } from '@firma/core';
import type { Call } from '../../call.ts';
import { UNTRUSTED_PEER } from '../admission.ts';
import type { Answer, IngressRequest } from '../port.ts';
import type { DecidedCall, DecideOptions, DecisionService } from '../service.ts';
import { readEnvelope } from './envelope.ts';

/** What is missing there comes back by itself (semantics §7). */
const OPERATIONAL: ReadonlySet<Reason> = new Set<Reason>([
  'OVERLOADED',
  'AUDIT_UNAVAILABLE',
  'BUNDLE_NOT_READY',
  'BUNDLE_STALE',
  'REVOCATIONS_STALE',
]);

const MAX_HEADER_CHARS = 256;
const UNREADABLE: Call = Object.freeze({ method: '?', url: '' });

/** Adds a header where its value is safe in one: printable ASCII, and not long. */
function add(headers: [string, string][], name: string, value: string | undefined): void {
  if (value === undefined || value.length > MAX_HEADER_CHARS) return;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return;
  }
  headers.push([name, value]);
}

function headersOf(decision: Decision): [string, string][] {
  const headers: [string, string][] = [];
  add(headers, 'x-firma-outcome', decision.outcome);
  add(headers, 'x-firma-reason', decision.reason);
  add(headers, 'x-firma-event-id', decision.eventId);
  add(headers, 'x-firma-action-class', decision.envelope?.readings[0].actionClass.name);
  return headers;
}

/** The body of a denial, which proxies pass on to the agent: RFC 9457 members, `firma`, `message`, `error`. */
function denialBody(decision: Decision, status: number): string {
  const { detail, outcome, policies, reason, remedy, scope } = decision;
  const message = remedy === undefined ? detail : `${detail}. ${remedy}`;
  const reading = decision.envelope?.readings[0];
  return JSON.stringify({
    type: `urn:firma:reason:${reason}`,
    title: scope === 'session' ? 'Session ended' : outcome === 'ABORT' ? 'Call aborted' : 'Call denied',
    status,
    detail,
    firma: {
      outcome,
      scope,
      reason,
      action_class: reading?.actionClass.name,
      resource: reading?.resource.uid,
      policies,
      remedy,
      event_id: decision.eventId,
    },
    message,
    error: { type: 'firma_denied', code: reason, message },
  });
}

function answered({ decision }: DecidedCall): Answer {
  const headers = headersOf(decision);
  if (decision.outcome === 'ALLOW') return { status: 200, body: '{"outcome":"ALLOW"}', headers };
  const isOperational = OPERATIONAL.has(decision.reason);
  const status = isOperational ? 503 : 403;
  if (isOperational) headers.push(['retry-after', '1']);
  else if (decision.retryAfterS !== undefined) headers.push(['retry-after', String(decision.retryAfterS)]);
  return { status, body: denialBody(decision, status), headers };
}

/**
 * `ANY /ext_authz/*`: Envoy's HTTP ext_authz and nginx' auth_request. 200 lets the call through, 403 does not, 503 says
 * that nobody could decide; `x-firma-*` headers say why.
 */
export function extAuthz(request: IngressRequest, service: DecisionService): Answer | Promise<Answer> {
  if (!request.isTrusted) return UNTRUSTED_PEER;
  const asked = readEnvelope(request);
  const options: DecideOptions = {
    transport: 'ext-authz',
    source: request.source,
    commit: 'answer',
    canonicalize: false,
    receipt: false,
  };
  const decided =
    'call' in asked
      ? service.decide(asked.call, options)
      : service.decide(
          { ...UNREADABLE, ...(asked.token === undefined ? {} : { token: asked.token }) },
          { ...options, malformed: asked.malformed },
        );
  return decided instanceof Promise ? decided.then(answered) : answered(decided);
}
