import { type Answer, badRequest, errorAnswer, type IngressRequest } from '../port.ts';
import type { DecisionService } from '../service.ts';
import { decodeUtf8, parseStrictObject, unknownFieldProblem } from '../strict-json.ts';
import { isEnforcementPoint, notAnEnforcementPoint } from './enforcement-point.ts';
import { isEventId } from './proof.ts';

function answered(settled: 'settled' | 'unknown'): Answer {
  return settled === 'settled'
    ? { status: 200, body: '{"settled":true}' }
    : errorAnswer(
        404,
        'EVENT_UNKNOWN',
        'no decision of that id waits to be settled: it was settled before, or not made with `commit: "manual"`',
      );
}

/** `POST /v1/commit` and `/v1/rollback`: what became of a call that its caller dispatched by itself. Once a decision. */
export function settle(
  request: IngressRequest,
  service: DecisionService,
  how: 'commit' | 'rollback',
): Answer | Promise<Answer> {
  if (!isEnforcementPoint(request, service)) return notAnEnforcementPoint(`\`/v1/${how}\``);
  const text = decodeUtf8(request.body);
  if (text === undefined) return badRequest('the body is not UTF-8');
  const body = parseStrictObject(text);
  if ('invalid' in body) return badRequest(body.invalid);
  const problem = unknownFieldProblem('the body', body.object, ['event_id']);
  if (problem !== undefined) return badRequest(problem);
  const { event_id: eventId } = body.object;
  if (typeof eventId !== 'string' || !isEventId(eventId)) {
    return badRequest('`event_id` must be the id of a decision');
  }
  const settled = service.settle(eventId, how);
  return settled instanceof Promise ? settled.then(answered) : answered(settled);
}
