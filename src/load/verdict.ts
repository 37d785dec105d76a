import { headerOf, type HttpResponse } from './response.ts';

/** What an answer says of its call. `error` names why it says nothing. */
export type Verdict = { readonly outcome: string; readonly reason: string } | { readonly error: string };

/** Reads an answer of one kind of target. */
export type ReadVerdict = (response: HttpResponse) => Verdict;

const OUTCOMES = new Set(['ALLOW', 'DENY', 'ABORT']);
const REASON = /^[A-Z_]{1,64}$/;
const OUTCOME_START = '{"outcome":"';
const REASON_START = '","reason":"';
const MALFORMED: Verdict = { error: 'malformed' };

function verdictOf(outcome: unknown, reason: unknown): Verdict {
  const isVerdict =
    typeof outcome === 'string' && OUTCOMES.has(outcome) && typeof reason === 'string' && REASON.test(reason);
  return isVerdict ? { outcome, reason } : MALFORMED;
}

function parsed(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** An answer that is no decision: overload is told as such, and counts as an answer. */
function refusedVerdict(status: number, body: string): Verdict {
  const error = parsed(body)?.['error'];
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === 'OVERLOADED') return { outcome: 'DENY', reason: 'OVERLOADED' };
  return {
    error: typeof code === 'string' && REASON.test(code) ? `status ${status} ${code}` : `status ${status}`,
  };
}

/** The answer of `POST /v1/decide`: 200 with the decision in the body; another status is no decision. */
export function decideVerdict({ status, body }: HttpResponse): Verdict {
  if (status !== 200) return refusedVerdict(status, body);
  // The members that are wanted stand first: the rest, a kilobyte, need not be parsed.
  if (body.startsWith(OUTCOME_START) && body.endsWith('}')) {
    const end = body.indexOf('"', OUTCOME_START.length);
    const from = end + REASON_START.length;
    const to = body.indexOf('"', from);
    if (end >= 0 && to >= 0 && body.startsWith(REASON_START, end)) {
      return verdictOf(body.slice(OUTCOME_START.length, end), body.slice(from, to));
    }
  }
  const decision = parsed(body);
  return verdictOf(decision?.['outcome'], decision?.['reason']);
}

/** The answer of `/ext_authz/`: the status decides, headers say why. */
export function extAuthzVerdict({ status, head }: HttpResponse): Verdict {
  const outcome = headerOf(head, 'x-firma-outcome');
  const reason = headerOf(head, 'x-firma-reason');
  if (outcome === undefined) return { error: `status ${status}` };
  if (reason === 'UNTRUSTED_PEER') return { error: 'untrusted peer' };
  // Whoever asks goes by the status: one that says another thing than the headers is no verdict.
  if ((status === 200) !== (outcome === 'ALLOW')) return MALFORMED;
  return verdictOf(outcome, reason);
}

/** The answer through the proxy: a refusal names itself in the body, everything else is the upstream's. */
export function proxyVerdict({ status, body }: HttpResponse): Verdict {
  if (status === 407) return { error: 'status 407' };
  if (status < 400) return { outcome: 'ALLOW', reason: 'OK' };
  const firma = parsed(body)?.['firma'];
  if (typeof firma !== 'object' || firma === null) return { error: `status ${status}` };
  const { outcome, reason } = { outcome: undefined, reason: undefined, ...firma };
  return verdictOf(outcome, reason);
}
