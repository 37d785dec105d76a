import { decisionJson } from '../../call.ts';
import { type Answer, type AnswerHeaders, badRequest, type IngressRequest } from '../port.ts';
import type { DecidedCall, DecisionService } from '../service.ts';
import { decodeUtf8, parseStrictObject } from '../strict-json.ts';
import { readEvaluation } from './authzen-request.ts';
import { headerOf } from './enforcement-point.ts';

const REQUEST_ID = 'x-request-id';
const SAFE_ID = /^[\x21-\x7e]{1,256}$/;
const HOST = /^[A-Za-z0-9.:[\]-]{1,255}$/;

/** The request's identifier, which its answer has to carry (§10.1.8). */
function withRequestId(answer: Answer, { headers }: IngressRequest): Answer {
  const id = headerOf(headers, REQUEST_ID);
  if (id === undefined || !SAFE_ID.test(id)) return answer;
  const echoed: AnswerHeaders = [...(answer.headers ?? []), [REQUEST_ID, id]];
  return { ...answer, headers: echoed };
}

function answered({ decision }: DecidedCall): Answer {
  const { detail, eventId, outcome, remedy } = decision;
  const isAllowed = outcome === 'ALLOW';
  const message = remedy === undefined ? detail : `${detail}. ${remedy}`;
  const context = {
    id: eventId,
    ...(isAllowed ? {} : { reason_user: { en: message } }),
    firma: decisionJson(decision),
  };
  return { status: 200, body: JSON.stringify({ decision: isAllowed, context }) };
}

function evaluated(request: IngressRequest, service: DecisionService): Answer | Promise<Answer> {
  const text = decodeUtf8(request.body);
  if (text === undefined) return badRequest('the body is not UTF-8');
  const body = parseStrictObject(text);
  if ('invalid' in body) return badRequest(body.invalid);
  const asked = readEvaluation(body.object);
  if ('invalid' in asked) return badRequest(asked.invalid);
  const { call, subject } = asked;
  const decided = service.decide(call, {
    transport: 'authzen',
    source: request.source,
    commit: 'answer',
    canonicalize: false,
    receipt: false,
    subject,
  });
  return decided instanceof Promise ? decided.then(answered) : answered(decided);
}

/**
 * `POST /access/v1/evaluation` (OpenID AuthZEN Authorization API 1.0, §6): `decision` is true for ALLOW alone, `context`
 * has the decision as `/v1/decide` gives it.
 */
export function evaluate(request: IngressRequest, service: DecisionService): Answer | Promise<Answer> {
  const answer = evaluated(request, service);
  return answer instanceof Promise
    ? answer.then((later) => withRequestId(later, request))
    : withRequestId(answer, request);
}

/** `GET /.well-known/authzen-configuration` (§9): where the evaluation is, by the address we were asked at. */
export function authzenConfiguration(request: IngressRequest): Answer {
  const host = headerOf(request.headers, 'host') ?? '';
  const origin = `http://${HOST.test(host) ? host : 'localhost'}`;
  return withRequestId(
    {
      status: 200,
      body: JSON.stringify({
        policy_decision_point: origin,
        access_evaluation_endpoint: `${origin}/access/v1/evaluation`,
      }),
    },
    request,
  );
}
